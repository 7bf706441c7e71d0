//! Blobs of every region: one file each, written beside its place and moved there when it is whole.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use caribou_model::{Region, Timestamp};
use caribou_runtime::local::wire::escape;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::refusal::Refusal;

/// Bytes read from a file at a time.
const CHUNK: usize = 256 * 1024;
/// The longest name of a file on the file systems in use, in bytes.
const LONGEST_NAME: usize = 255;

/// The directory of blobs. A blob's expiry is the modification time of its file.
pub(crate) struct BlobFiles {
    root: PathBuf,
    unfinished: PathBuf,
    next: AtomicU64,
}

impl BlobFiles {
    /// The blobs in `root`. Removes what an earlier cloud left unfinished.
    pub(crate) fn open(root: PathBuf) -> io::Result<Self> {
        let unfinished = root.join(".unfinished");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished)?;
        }
        std::fs::create_dir_all(&unfinished)?;
        Ok(Self { root, unfinished, next: AtomicU64::new(0) })
    }

    /// Writes a blob as it comes in. It is on disk when this returns.
    pub(crate) async fn put(
        &self,
        region: &Region,
        key: &str,
        content: BodyDataStream,
        expires: Timestamp,
    ) -> Result<(), Refusal> {
        let place = self.place(region, key)?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.unfinished.join(number.to_string());
        let written = write(&unfinished, &place, content, expires).await;
        if written.is_err() {
            let _ = fs::remove_file(&unfinished).await;
        }
        written
    }

    /// A blob as a stream, and its size in bytes; `None` if there is none or it has expired.
    pub(crate) async fn get(
        &self,
        region: &Region,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<(Body, u64)>, Refusal> {
        let file = match File::open(self.place(region, key)?).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refused(&error)),
        };
        let metadata = file.metadata().await.map_err(|error| refused(&error))?;
        if has_expired(&metadata, now) {
            return Ok(None);
        }
        let chunks = stream::try_unfold(file, |mut file| async move {
            let mut chunk = Vec::with_capacity(CHUNK);
            let read = file.read_buf(&mut chunk).await?;
            Ok::<_, io::Error>((read > 0).then(|| (Bytes::from(chunk), file)))
        });
        Ok(Some((Body::from_stream(chunks), metadata.len())))
    }

    /// Removes blobs that have expired.
    pub(crate) fn sweep(&self, now: Timestamp) -> io::Result<()> {
        for region in std::fs::read_dir(&self.root)? {
            let region = region?.path();
            if region == self.unfinished {
                continue;
            }
            for blob in std::fs::read_dir(region)? {
                let blob = blob?;
                if has_expired(&blob.metadata()?, now) {
                    std::fs::remove_file(blob.path())?;
                }
            }
        }
        Ok(())
    }

    fn place(&self, region: &Region, key: &str) -> Result<PathBuf, Refusal> {
        let name = escape(key);
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                format!(
                    "the key of a blob has 1 to {LONGEST_NAME} characters when escaped; this one has {}",
                    name.len()
                ),
                "use a shorter key",
            ));
        }
        Ok(self.root.join(region.code()).join(name))
    }
}

async fn write(
    unfinished: &Path,
    place: &Path,
    mut content: BodyDataStream,
    expires: Timestamp,
) -> Result<(), Refusal> {
    let mut file = File::create(unfinished).await.map_err(|error| refused(&error))?;
    while let Some(chunk) = content.next().await {
        let chunk = chunk.map_err(|error| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                format!("the blob did not arrive whole: {error}"),
                "send it again",
            )
        })?;
        file.write_all(&chunk).await.map_err(|error| refused(&error))?;
    }
    let finish = async {
        file.flush().await?;
        let file = file.into_std().await;
        let (from, to) = (unfinished.to_owned(), place.to_owned());
        let moved = tokio::task::spawn_blocking(move || {
            file.set_modified(UNIX_EPOCH + Duration::from_millis(expires.as_millis()))?;
            file.sync_all()?;
            let directory = to.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(directory)?;
            std::fs::rename(&from, &to)?;
            std::fs::File::open(directory)?.sync_all()
        });
        moved.await.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()))
    };
    finish.await.map_err(|error: io::Error| refused(&error))
}

fn has_expired(metadata: &std::fs::Metadata, now: Timestamp) -> bool {
    let expires = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    expires <= UNIX_EPOCH + Duration::from_millis(now.as_millis())
}

fn refused(error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Refusal::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "the disk that holds the state of the embedded cloud is full",
            "free some space",
        ),
        _ => Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the blob cannot be read or written: {error}"),
            "see that the state directory of the embedded cloud is usable",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Region = Region::aws("us-east-1");

    async fn read(blobs: &BlobFiles, key: &str, now: u64) -> Option<Bytes> {
        let (body, size) = blobs.get(&HOME, key, Timestamp::from_millis(now)).await.unwrap()?;
        let content = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        assert_eq!(content.len() as u64, size);
        Some(content)
    }

    #[tokio::test]
    async fn a_blob_is_there_until_it_expires() {
        let state = tempfile::tempdir().unwrap();
        let blobs = BlobFiles::open(state.path().join("blobs")).unwrap();
        let content = Bytes::from(vec![7; 3 * CHUNK / 2]);
        let expires = Timestamp::from_millis(100_000);
        blobs.put(&HOME, "../a/b", Body::from(content.clone()).into_data_stream(), expires).await.unwrap();
        assert_eq!(read(&blobs, "../a/b", 0).await, Some(content));
        assert_eq!(read(&blobs, "../a/c", 0).await, None);
        assert_eq!(read(&blobs, "../a/b", 100_000).await, None);
        blobs.sweep(expires).unwrap();
        assert_eq!(read(&blobs, "../a/b", 0).await, None);
    }
}
