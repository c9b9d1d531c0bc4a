//! Middle values and rates.

/// How long things took, seconds; `None` of each when there were none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    /// Half took no longer.
    pub median: Option<u32>,
    /// Nine of ten took no longer.
    pub p90: Option<u32>,
    /// The mean, rounded.
    pub average: Option<u32>,
}

/// Of values in any order, which it stirs. The median of an even number is the mean of the two in the middle, rounded
/// up; the 90th percentile is the value at the nearest rank, so one that really occurred.
pub fn spread(values: &mut [u32]) -> Spread {
    let n = values.len();
    if n == 0 {
        return Spread::default();
    }
    let sum: u64 = values.iter().map(|value| u64::from(*value)).sum();
    let count = n as u64;
    let p90 = *values.select_nth_unstable((n * 9).div_ceil(10) - 1).1;
    let (below, upper, _) = values.select_nth_unstable(n / 2);
    let upper = *upper;
    let lower = if n.is_multiple_of(2) { below.iter().copied().max().unwrap_or(upper) } else { upper };
    Spread {
        median: Some(lower + (upper - lower).div_ceil(2)),
        p90: Some(p90),
        average: whole((sum + count / 2) / count),
    }
}

fn whole(value: u64) -> Option<u32> {
    u32::try_from(value).ok()
}

/// A share, to four places; `None` of nothing.
pub fn rate(part: u64, of: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 mails")]
    let share = |part: u64, of: u64| (part as f64 / of as f64 * 10_000.0).round() / 10_000.0;
    (of > 0).then(|| share(part, of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middle_values() {
        for (values, median, p90, average) in [
            (vec![7], 7, 7, 7),
            (vec![4, 1], 3, 4, 3),
            (vec![3, 1, 2], 2, 3, 2),
            (vec![40, 10, 30, 20], 25, 40, 25),
            ((1..=10).rev().collect(), 6, 9, 6),
            ((1..=11).collect(), 6, 10, 6),
            (vec![5; 100], 5, 5, 5),
            (vec![0, 0, 0, 100], 0, 100, 25),
            (vec![u32::MAX, u32::MAX], u32::MAX, u32::MAX, u32::MAX),
        ] {
            let mut stirred = values.clone();
            let want = Spread { median: Some(median), p90: Some(p90), average: Some(average) };
            assert_eq!(spread(&mut stirred), want, "{values:?}");
        }
        assert_eq!(spread(&mut []), Spread::default());
    }

    #[test]
    fn rates() {
        for (part, of, want) in [
            (97, 100, Some(0.97)),
            (1, 3, Some(0.3333)),
            (2, 3, Some(0.6667)),
            (0, 5, Some(0.0)),
            (0, 0, None),
        ] {
            assert_eq!(rate(part, of), want, "{part} of {of}");
        }
    }
}
