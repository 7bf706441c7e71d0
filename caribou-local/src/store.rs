//! Items and sets of every region.

use std::collections::BTreeSet;
use std::ops::Bound;

use bytes::Bytes;
use caribou_model::{Region, Timestamp};
use caribou_runtime::local::wire::{LARGEST_PAGE, Query};
use caribou_runtime::port::{Condition, Item, Page, Put};
use redb::{ReadTransaction, ReadableTable};

use crate::disk::{DiskError, ITEMS, Tables};

/// Revision and expiry before the value of an item, 8 bytes each.
const ITEM_HEAD: usize = 16;
/// Expiry before the members of a set.
const SET_HEAD: usize = 8;
/// How many items are looked at for one page of a list, those that have expired counted.
const MOST_LOOKED: usize = 10_000;

/// Reads an item. One that has expired is not there.
pub(crate) fn get(
    transaction: &ReadTransaction,
    region: &Region,
    key: &str,
    now: Timestamp,
) -> Result<Option<Item>, DiskError> {
    let table = transaction.open_table(ITEMS)?;
    Ok(table.get((region.code(), key))?.and_then(|stored| item(stored.value(), now)))
}

/// Writes an item if the condition holds.
pub(crate) fn put(
    tables: &mut Tables<'_>,
    region: &Region,
    key: &str,
    value: &[u8],
    condition: Condition,
    expires: Timestamp,
    now: Timestamp,
) -> Result<Put, redb::Error> {
    let key = (region.code(), key);
    let present = tables.items.get(key)?.and_then(|stored| item(stored.value(), now));
    let holds = match condition {
        Condition::Absent => present.is_none(),
        Condition::Revision(wanted) => present.as_ref().is_some_and(|item| item.revision == wanted),
        Condition::Any => true,
    };
    if !holds {
        return Ok(Put::Refused(present));
    }
    let revision = tables.next();
    let mut stored = Vec::with_capacity(ITEM_HEAD + value.len());
    stored.extend(revision.to_le_bytes());
    stored.extend(expires.as_millis().to_le_bytes());
    stored.extend(value);
    tables.items.insert(key, stored.as_slice())?;
    Ok(Put::Written(revision))
}

/// Lists the items under a prefix, behind a key: at most `limit`, and about [`LARGEST_PAGE`] bytes. A page also ends
/// after so many items that have expired.
pub(crate) fn list(
    transaction: &ReadTransaction,
    region: &Region,
    query: &Query,
    now: Timestamp,
) -> Result<Page, DiskError> {
    let Query { prefix, after, limit } = query;
    let table = transaction.open_table(ITEMS)?;
    let after = after.as_deref().filter(|after| *after >= prefix.as_str());
    let begin = after.map_or(Bound::Included(prefix.as_str()), Bound::Excluded);
    let (mut page, mut bytes, mut looked) = (Page::default(), 0, 0);
    for entry in table.range((begin.map(|key| (region.code(), key)), Bound::Unbounded))? {
        let (at, stored) = entry?;
        let (there, key) = at.value();
        if there != region.code() || !key.starts_with(prefix) {
            return Ok(Page { next: None, ..page });
        }
        if page.items.len() >= usize::from(*limit).max(1) || bytes >= LARGEST_PAGE || looked >= MOST_LOOKED {
            return Ok(page);
        }
        looked += 1;
        page.next = Some(key.to_owned());
        // what has a further `/` is of a group below
        let is_in_group = key.get(prefix.len()..).is_some_and(|name| !name.contains('/'));
        if let Some(item) = item(stored.value(), now).filter(|_| is_in_group) {
            bytes += key.len() + item.value.len();
            page.items.push((key.to_owned(), item));
        }
    }
    Ok(Page { next: None, ..page })
}

/// Adds a member to a set and returns the whole set. `None` if it would grow past `largest` bytes.
pub(crate) fn add(
    tables: &mut Tables<'_>,
    region: &Region,
    key: &str,
    member: u32,
    expires: Timestamp,
    now: Timestamp,
    largest: usize,
) -> Result<Option<BTreeSet<u32>>, redb::Error> {
    let key = (region.code(), key);
    let mut set = tables.sets.get(key)?.map(|stored| members(stored.value(), now)).unwrap_or_default();
    set.insert(member);
    if set.len() * 4 > largest {
        return Ok(None);
    }
    let mut stored = Vec::with_capacity(SET_HEAD + set.len() * 4);
    stored.extend(expires.as_millis().to_le_bytes());
    stored.extend(set.iter().flat_map(|member| member.to_le_bytes()));
    tables.sets.insert(key, stored.as_slice())?;
    Ok(Some(set))
}

/// Removes what has expired.
pub(crate) fn sweep(tables: &mut Tables<'_>, now: Timestamp) -> Result<(), redb::Error> {
    tables.items.retain(|_, stored| number(stored, 8).is_some_and(|expires| expires > now.as_millis()))?;
    tables.sets.retain(|_, stored| number(stored, 0).is_some_and(|expires| expires > now.as_millis()))?;
    Ok(())
}

fn item(stored: &[u8], now: Timestamp) -> Option<Item> {
    let (revision, expires) = (number(stored, 0)?, number(stored, 8)?);
    let value = Bytes::copy_from_slice(stored.get(ITEM_HEAD..)?);
    (expires > now.as_millis()).then_some(Item { value, revision })
}

fn members(stored: &[u8], now: Timestamp) -> BTreeSet<u32> {
    if number(stored, 0).is_none_or(|expires| expires <= now.as_millis()) {
        return BTreeSet::new();
    }
    let chunks = stored.get(SET_HEAD..).unwrap_or_default().chunks_exact(4);
    chunks.filter_map(|chunk| Some(u32::from_le_bytes(chunk.try_into().ok()?))).collect()
}

fn number(stored: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(stored.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;

    const HOME: Region = Region::aws("us-east-1");

    async fn write(disk: &Disk, condition: Condition, expires: u64, now: u64) -> Put {
        let at = Timestamp::from_millis;
        disk.write(move |tables| put(tables, &HOME, "k", b"v", condition, at(expires), at(now)))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn an_item_is_written_once_if_it_must_be_absent() {
        let state = tempfile::tempdir().unwrap();
        let (disk, _writer) = Disk::open(state.path()).unwrap();
        let Put::Written(revision) = write(&disk, Condition::Absent, 100, 0).await else { panic!("refused") };
        let Put::Refused(Some(item)) = write(&disk, Condition::Absent, 100, 0).await else {
            panic!("written")
        };
        assert_eq!((item.revision, item.value.as_ref()), (revision, b"v".as_slice()));
        assert!(matches!(write(&disk, Condition::Revision(revision), 100, 0).await, Put::Written(_)));
        assert!(matches!(write(&disk, Condition::Revision(revision), 100, 0).await, Put::Refused(Some(_))));
    }

    #[tokio::test]
    async fn an_expired_item_is_absent_and_its_revision_is_never_used_again() {
        let state = tempfile::tempdir().unwrap();
        let (disk, _writer) = Disk::open(state.path()).unwrap();
        let Put::Written(first) = write(&disk, Condition::Absent, 100, 0).await else { panic!("refused") };
        disk.write(|tables| sweep(tables, Timestamp::from_millis(100))).await.unwrap();
        assert_eq!(get(&disk.read().unwrap(), &HOME, "k", Timestamp::from_millis(0)).unwrap(), None);
        let Put::Written(second) = write(&disk, Condition::Absent, 300, 200).await else { panic!("refused") };
        assert!(second > first);
    }

    async fn write_all(disk: &Disk, keys: Vec<(Region, String)>, bytes: usize, expires: u64) {
        let (expires, now) = (Timestamp::from_millis(expires), Timestamp::from_millis(0));
        let write = move |tables: &mut Tables<'_>| {
            keys.iter().try_for_each(|(region, key)| {
                put(tables, region, key, &vec![7; bytes], Condition::Any, expires, now).map(drop)
            })
        };
        disk.write(write).await.unwrap();
    }

    /// The keys of all pages, page by page.
    fn pages(disk: &Disk, prefix: &str, limit: u16) -> Vec<Vec<String>> {
        let mut pages = Vec::new();
        let mut query = Query { prefix: prefix.into(), after: None, limit };
        loop {
            let page = list(&disk.read().unwrap(), &HOME, &query, Timestamp::from_millis(50)).unwrap();
            pages.push(page.items.into_iter().map(|(key, _)| key).collect());
            match page.next {
                Some(next) => query.after = Some(next),
                None => return pages,
            }
        }
    }

    #[tokio::test]
    async fn a_list_has_what_lies_under_a_prefix_in_one_region_page_by_page() {
        let state = tempfile::tempdir().unwrap();
        let (disk, _writer) = Disk::open(state.path()).unwrap();
        let keys = ["a/1", "a/2", "a/3", "a/4", "b/1", "A"].map(|key| (HOME, key.to_owned()));
        let elsewhere =
            ["us-east-0", "us-east-2"].map(|code| (format!("aws:{code}").parse().unwrap(), "a/0".into()));
        write_all(&disk, keys.into_iter().chain(elsewhere).collect(), 1, 100).await;
        assert_eq!(pages(&disk, "a/", 2), [["a/1", "a/2"], ["a/3", "a/4"]]);
        assert_eq!(pages(&disk, "a/", 3), [&["a/1", "a/2", "a/3"][..], &["a/4"]]);
        assert_eq!(pages(&disk, "b/", 9), [["b/1"]]);
        assert_eq!(pages(&disk, "c/", 9), [[""; 0]]);
        let before = Query { prefix: "b/".into(), after: Some("a/3".into()), limit: 9 };
        let page = list(&disk.read().unwrap(), &HOME, &before, Timestamp::from_millis(0)).unwrap();
        assert_eq!(page.items[0].0, "b/1");
    }

    #[tokio::test]
    async fn a_page_of_a_list_has_a_limit_in_bytes_and_no_expired_items() {
        let state = tempfile::tempdir().unwrap();
        let (disk, _writer) = Disk::open(state.path()).unwrap();
        let keys = |range: std::ops::Range<u32>| range.map(|n| (HOME, format!("k/{n:05}"))).collect();
        write_all(&disk, keys(0..10), 400_000, 100).await;
        let lengths: Vec<usize> = pages(&disk, "k/", 1000).iter().map(Vec::len).collect();
        assert_eq!(lengths, [3, 3, 3, 1]);
        write_all(&disk, keys(10..20_010), 1, 50).await;
        write_all(&disk, keys(20_010..20_011), 1, 100).await;
        let lengths: Vec<usize> = pages(&disk, "k/", 1000).iter().map(Vec::len).collect();
        assert_eq!((lengths.len(), lengths.iter().sum()), (6, 11));
    }

    #[tokio::test]
    async fn a_set_collects_each_member_once_and_has_a_limit() {
        let state = tempfile::tempdir().unwrap();
        let (disk, _writer) = Disk::open(state.path()).unwrap();
        let (soon, now) = (Timestamp::from_millis(100), Timestamp::from_millis(0));
        for member in [3, 1, 3] {
            disk.write(move |tables| add(tables, &HOME, "s", member, soon, now, 8)).await.unwrap();
        }
        let full = disk.write(move |tables| add(tables, &HOME, "s", 2, soon, now, 8)).await.unwrap();
        let same = disk.write(move |tables| add(tables, &HOME, "s", 1, soon, now, 8)).await.unwrap();
        assert_eq!((full, same), (None, Some(BTreeSet::from([1, 3]))));
    }

    #[tokio::test]
    async fn nothing_that_has_expired_is_left_in_the_tables() {
        use redb::ReadableTableMetadata as _;

        let state = tempfile::tempdir().unwrap();
        let (disk, _writer) = Disk::open(state.path()).unwrap();
        let at = Timestamp::from_millis;
        for (key, expires) in [("soon", 100), ("late", 200)] {
            disk.write(move |tables| {
                put(tables, &HOME, key, b"v", Condition::Absent, at(expires), at(0))?;
                add(tables, &HOME, key, 7, at(expires), at(0), 100)
            })
            .await
            .unwrap();
        }
        for (now, left) in [(99, (2, 2)), (100, (1, 1)), (200, (0, 0))] {
            let swept = disk.write(move |tables| {
                sweep(tables, at(now))?;
                Ok((tables.items.len()?, tables.sets.len()?))
            });
            assert_eq!(swept.await.unwrap(), left, "at {now}");
        }
    }
}
