//! A file on its way in: hashed as it comes, in memory while it is small, else in a file without a name. However many
//! come at once, none of them is ever in memory whole.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::model::file_type::{self, TOLD_BY};

/// A file of up to so many octets stays in memory.
const SMALL: usize = 64 * 1024;

/// Octets that don't change. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Octets {
    kept: Kept,
    size: u64,
}

#[derive(Debug, Clone)]
enum Kept {
    Memory(Arc<Vec<u8>>),
    File(Arc<File>),
}

/// A file that came whole.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Base name.
    pub filename: Option<String>,
    /// `type/subtype`, by its content.
    pub content_type: &'static str,
    /// SHA-256, hex.
    pub sha256: String,
    /// What is in it.
    pub octets: Octets,
}

/// A file while it comes.
pub struct Spool {
    dir: PathBuf,
    memory: Vec<u8>,
    file: Option<File>,
    head: Vec<u8>,
    hash: Sha256,
    size: u64,
}

impl Spool {
    /// Nothing yet; what gets large will lie in `dir`.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, memory: Vec::new(), file: None, head: Vec::new(), hash: Sha256::new(), size: 0 }
    }

    /// Octets so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes more.
    ///
    /// # Errors
    /// When the directory is full, or can't be written to.
    pub fn push(&mut self, octets: &[u8]) -> io::Result<()> {
        self.hash.update(octets);
        self.size += octets.len() as u64;
        let missing = TOLD_BY.saturating_sub(self.head.len()).min(octets.len());
        self.head.extend_from_slice(&octets[..missing]);
        if self.memory.len() + octets.len() > SMALL {
            self.write_out()?;
        }
        match &mut self.file {
            Some(file) if octets.len() > SMALL => file.write_all(octets),
            _ => {
                self.memory.extend_from_slice(octets);
                Ok(())
            }
        }
    }

    /// That was all of it.
    ///
    /// # Errors
    /// As [`Spool::push`].
    pub fn finish(mut self, filename: Option<String>) -> io::Result<Upload> {
        if self.file.is_some() {
            self.write_out()?;
        }
        let kept = match self.file {
            Some(file) => Kept::File(Arc::new(file)),
            None => Kept::Memory(Arc::new(self.memory)),
        };
        Ok(Upload {
            filename,
            content_type: file_type::detect(&self.head),
            sha256: HEXLOWER.encode(&self.hash.finalize()),
            octets: Octets { kept, size: self.size },
        })
    }

    fn write_out(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile_in(&self.dir)?),
        };
        file.write_all(&self.memory)?;
        self.memory.clear();
        Ok(())
    }
}

impl Octets {
    /// How many there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// At most so many of them from there on; none at the end.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn read_at(&self, at: u64, most: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX).min(most);
        let start = usize::try_from(at).unwrap_or(usize::MAX);
        match &self.kept {
            Kept::Memory(all) => Ok(all.get(start..).unwrap_or_default()[..left].to_vec()),
            Kept::File(file) => {
                let mut piece = vec![0; left];
                file.read_exact_at(&mut piece, at)?;
                Ok(piece)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_in_comes_out_wherever_it_lay() {
        for (size, chunk) in
            [(0, 1), (5, 2), (SMALL, 1000), (SMALL + 1, 1000), (3 * SMALL, 2 * SMALL), (900_000, 65_537)]
        {
            let all: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let mut spool = Spool::new(std::env::temp_dir());
            for piece in all.chunks(chunk) {
                spool.push(piece).unwrap();
            }
            let upload = spool.finish(None).unwrap();
            assert_eq!(upload.octets.size(), size as u64);
            assert_eq!(upload.sha256, HEXLOWER.encode(&Sha256::digest(&all)));
            let mut read = Vec::new();
            while let Some(piece) =
                Some(upload.octets.read_at(read.len() as u64, 70_000).unwrap()).filter(|p| !p.is_empty())
            {
                read.extend(piece);
            }
            assert!(read == all, "{size} in chunks of {chunk}");
        }
    }
}
