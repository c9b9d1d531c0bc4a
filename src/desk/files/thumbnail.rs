//! Pictures drawn small. What strangers call a picture may be a bomb: its measures are looked at before it is decoded, and
//! no more memory is taken than they allow.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};

use super::GONE;
use crate::desk::{Desk, Result};
use crate::model::AttachmentRecord;

/// Longest side of what is drawn.
const SIDE: u32 = 320;
/// Longest side, and most pixels, of what is read.
const MAX_SIDE: u32 = 20_000;
const MAX_PIXELS: u64 = 40_000_000;
/// Most memory for one picture.
const MAX_MEMORY: u64 = 200 << 20;
/// Largest file.
const MAX_FILE: i64 = 25 << 20;
const QUALITY: u8 = 80;

/// A small picture.
pub struct Thumbnail {
    /// JPEG, or PNG where the picture is transparent.
    pub content_type: &'static str,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl Desk {
    /// A file as a picture of at most 320 pixels a side, upright.
    ///
    /// # Errors
    /// [`crate::desk::Error::NotFound`] for a file that is no picture, or one too large to be drawn; the store's.
    pub async fn thumbnail(&self, row: &AttachmentRecord) -> Result<Thumbnail> {
        if row.size > MAX_FILE {
            return Err(GONE);
        }
        let file = self.open_file(row).await?;
        if !file.content_type().await?.starts_with("image/") {
            return Err(GONE);
        }
        let _turn = self.inner.files.drawing.acquire().await.expect("the semaphore is never closed");
        let content = file.whole().await?;
        let drawn = tokio::task::spawn_blocking(move || draw(&content)).await;
        drawn.ok().flatten().ok_or(GONE)
    }
}

fn draw(content: &[u8]) -> Option<Thumbnail> {
    let mut reader = ImageReader::new(Cursor::new(content)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS || decoder.total_bytes() > MAX_MEMORY {
        return None;
    }
    let upright = decoder.orientation().ok()?;
    let picture = DynamicImage::from_decoder(decoder).ok()?;
    let mut small = if width.max(height) > SIDE { picture.thumbnail(SIDE, SIDE) } else { picture };
    small.apply_orientation(upright);
    encode(&small)
}

fn encode(picture: &DynamicImage) -> Option<Thumbnail> {
    let mut content = Vec::new();
    if picture.color().has_alpha() {
        picture.to_rgba8().write_to(&mut Cursor::new(&mut content), ImageFormat::Png).ok()?;
        return Some(Thumbnail { content_type: "image/png", content });
    }
    picture.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut content, QUALITY)).ok()?;
    Some(Thumbnail { content_type: "image/jpeg", content })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut content = Vec::new();
        DynamicImage::new_rgba8(width, height)
            .write_to(&mut Cursor::new(&mut content), ImageFormat::Png)
            .unwrap();
        content
    }

    #[test]
    fn pictures_are_drawn_small_and_never_larger() {
        for ((width, height), want) in [
            ((1000, 500), (320, 160)),
            ((500, 1000), (160, 320)),
            ((10, 20), (10, 20)),
            ((3000, 1), (320, 1)),
        ] {
            let small = draw(&png(width, height)).unwrap();
            let read = image::load_from_memory(&small.content).unwrap();
            assert_eq!((read.width(), read.height()), want);
        }
    }

    #[test]
    fn bombs_and_broken_files_are_not_drawn() {
        let mut bomb = png(10, 10);
        // Width and height as the header says them; its checksum follows.
        bomb[16..24].copy_from_slice(&[0, 0, 0x4E, 0x20, 0, 0, 0x4E, 0x20]);
        let crc = crc(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&crc.to_be_bytes());
        for content in [bomb, png(10, 10)[..40].to_vec(), b"<svg/>".to_vec(), Vec::new()] {
            assert!(draw(&content).is_none());
        }
    }

    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
        })
    }
}
