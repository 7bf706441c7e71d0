//! The archive that goes to Lambda.

use std::fmt::Write as _;
use std::fs::Metadata;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

/// A file that a function finds beside its bootstrap, below `/var/task`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExtraFile {
    /// Its path in the archive, with `/` between folders.
    pub name: String,
    /// Where it lies now.
    pub path: PathBuf,
}

impl ExtraFile {
    /// The files that a manifest names, by paths from its folder, which are their names in the archive too. Of a folder,
    /// all that is in it.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Unreadable`] if one is not there; [`ArchiveError::Elsewhere`] if a link leads out of the folder.
    pub fn beside(folder: &Path, names: &[String]) -> Result<Vec<Self>, ArchiveError> {
        let clean = |name: &String| name.trim_start_matches("./").trim_end_matches('/').to_owned();
        // each with the folders that lead to it
        let mut open: Vec<(String, Vec<PathBuf>)> =
            names.iter().map(|name| (clean(name), Vec::new())).collect();
        let mut found = Vec::new();
        while let Some((name, mut above)) = open.pop() {
            let path = folder.join(&name);
            let unreadable =
                |cause| ArchiveError::Unreadable { name: name.clone(), path: path.clone(), cause };
            let real = path.canonicalize().map_err(unreadable)?;
            if !real.starts_with(folder.canonicalize().map_err(unreadable)?) {
                return Err(ArchiveError::Elsewhere { name, real });
            }
            if !real.is_dir() {
                found.push(Self { name, path });
                continue;
            }
            // a link may lead back up
            if above.contains(&real) {
                continue;
            }
            above.push(real);
            for entry in std::fs::read_dir(&path).map_err(unreadable)? {
                let file = entry.map_err(unreadable)?.file_name();
                let file = file.to_str().ok_or_else(|| ArchiveError::Name(file.display().to_string()))?;
                open.push((format!("{name}/{file}"), above.clone()));
            }
        }
        found.sort_unstable();
        // names that are asked for may lie in one another
        found.dedup();
        Ok(found)
    }
}

/// A zip file with a bootstrap. The same content gives the same bytes, whenever and wherever it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// What it takes unpacked, in bytes.
    pub unpacked: u64,
}

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file cannot be read.
    #[error("{} cannot be read: {cause}; it is to go into the archive as `{name}`", path.display())]
    Unreadable {
        /// Its name in the archive.
        name: String,
        /// Where it lies.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A link leads out of the folder that the manifest is in.
    #[error(
        "`{name}` leads to {}, outside of the package; copy what is to go into the archive into the package",
        real.display()
    )]
    Elsewhere {
        /// As the manifest names it.
        name: String,
        /// Where it leads.
        real: PathBuf,
    },
    /// The archive cannot be stored.
    #[error("{} cannot be written: {cause}", path.display())]
    Unwritable {
        /// Where it was to lie.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A name that an archive cannot have.
    #[error(
        "`{0}` is no name for a file of an archive; write a path without `.`, `..` and a leading `/`, and not \
         `bootstrap`"
    )]
    Name(String),
    /// Two files of one name.
    #[error("two files are to go into the archive as `{0}`")]
    Twice(String),
    /// It would be larger than Lambda takes.
    #[error(
        "the archive holds {unpacked} bytes unpacked, and Lambda takes {} at most; leave out extra files, or use a \
         container image or a layer on EFS for what is large",
        Archive::MOST_UNPACKED
    )]
    TooLarge {
        /// Its size unpacked.
        unpacked: u64,
    },
    /// It cannot be written.
    #[error("the archive cannot be written: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// The same, from the compressor.
    #[error("the archive cannot be written: {0}")]
    Write(std::io::Error),
}

impl Archive {
    /// What Lambda unpacks at most for a function and its layers: 250 MB, in bytes.
    pub const MOST_UNPACKED: u64 = 250 * 1024 * 1024;
    /// The largest archive that Lambda takes by itself, not from S3: 50 MB, in bytes.
    pub const MOST_UPLOADED: u64 = 50 * 1024 * 1024;

    /// Packs a bootstrap with what it finds beside it.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] names the file that cannot be packed.
    pub fn pack(bootstrap: &[u8], extra: &[ExtraFile]) -> Result<Self, ArchiveError> {
        let mut extra: Vec<&ExtraFile> = extra.iter().collect();
        extra.sort_unstable();
        if let Some(pair) = extra.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(ArchiveError::Twice(pair[0].name.clone()));
        }
        let mut unpacked = bootstrap.len() as u64;
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        write(&mut zip, "bootstrap", true, bootstrap)?;
        for ExtraFile { name, path } in extra {
            let parts = || name.split('/');
            if name == "bootstrap"
                || parts().any(|part| matches!(part, "" | "." | "..") || part.contains('\\'))
            {
                return Err(ArchiveError::Name(name.clone()));
            }
            let unreadable =
                |cause| ArchiveError::Unreadable { name: name.clone(), path: path.clone(), cause };
            let metadata = std::fs::metadata(path).map_err(unreadable)?;
            unpacked += metadata.len();
            if unpacked <= Self::MOST_UNPACKED {
                let content = std::fs::read(path).map_err(unreadable)?;
                write(&mut zip, name, is_executable(path, &metadata), &content)?;
            }
        }
        if unpacked > Self::MOST_UNPACKED {
            return Err(ArchiveError::TooLarge { unpacked });
        }
        let bytes = zip.finish()?.into_inner();
        let sha256 = Sha256::digest(&bytes).into();
        Ok(Self { bytes, sha256, unpacked })
    }

    /// Its SHA-256 in hexadecimal digits.
    pub fn sha256_hex(&self) -> String {
        self.sha256.iter().fold(String::new(), |mut text, byte| {
            // writing into a String does not fail
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

fn write(
    zip: &mut ZipWriter<Cursor<Vec<u8>>>,
    name: &str,
    executable: bool,
    content: &[u8],
) -> Result<(), ArchiveError> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix)
        .unix_permissions(if executable { 0o755 } else { 0o644 });
    zip.start_file(name, options)?;
    zip.write_all(content).map_err(ArchiveError::Write)
}

/// Whether its owner may execute a file.
#[cfg(unix)]
fn is_executable(_: &Path, metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o100 != 0
}

/// Where files have no such mode, those in `bin` are programs.
#[cfg(not(unix))]
fn is_executable(path: &Path, _: &Metadata) -> bool {
    path.parent().is_some_and(|folder| folder.ends_with("bin"))
}
