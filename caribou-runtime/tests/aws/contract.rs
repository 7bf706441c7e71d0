//! What every store keeps.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use caribou_runtime::model::{Region, Timestamp};
use caribou_runtime::port::{Clock, Condition, Item, Ports, Put, Store};
use futures_util::future::join_all;

const HOME: Region = Region::aws("us-east-1");
const NEVER: Timestamp = Timestamp::from_millis(u64::MAX);

/// Checks all of it, for the store of a workflow `w`.
pub(crate) async fn holds(ports: Ports) {
    let store = Stores(ports.store, ports.clock);
    store.conditions_hold_and_what_is_there_is_told().await;
    store.of_many_writers_at_once_one_wins().await;
    store.what_has_expired_is_absent().await;
    store.sets_collect_each_member_once().await;
    store.a_set_that_has_expired_begins_anew().await;
    store.lists_are_in_order_page_by_page().await;
    store.an_item_has_a_limit().await;
}

struct Stores(Arc<dyn Store>, Arc<dyn Clock>);

impl Stores {
    async fn put(&self, key: &str, value: &str, condition: Condition, expires: Timestamp) -> Put {
        let value = Bytes::copy_from_slice(value.as_bytes());
        self.0.put(&HOME, key, value, condition, expires).await.unwrap()
    }

    async fn written(&self, key: &str, value: &str, condition: Condition) -> u64 {
        match self.put(key, value, condition, NEVER).await {
            Put::Written(revision) => revision,
            Put::Refused(there) => panic!("{key} was refused, for there is {there:?}"),
        }
    }

    /// Some time ago.
    fn past(&self) -> Timestamp {
        Timestamp::from_millis(self.1.now().as_millis().saturating_sub(5_000))
    }

    async fn get(&self, key: &str) -> Option<Item> {
        self.0.get(&HOME, key).await.unwrap()
    }

    async fn conditions_hold_and_what_is_there_is_told(&self) {
        let key = "w/run/conditions";
        let item =
            |value: &'static str, revision| Item { value: Bytes::from_static(value.as_bytes()), revision };
        assert_eq!(self.get(key).await, None);
        assert_eq!(self.put(key, "a", Condition::Revision(7), NEVER).await, Put::Refused(None));
        let first = self.written(key, "a", Condition::Absent).await;
        assert_eq!(self.get(key).await, Some(item("a", first)));
        let refused = self.put(key, "b", Condition::Absent, NEVER).await;
        assert_eq!(refused, Put::Refused(Some(item("a", first))));
        let second = self.written(key, "b", Condition::Revision(first)).await;
        assert_ne!(first, second);
        let refused = self.put(key, "c", Condition::Revision(first), NEVER).await;
        assert_eq!(refused, Put::Refused(Some(item("b", second))));
        let third = self.written(key, "b", Condition::Any).await;
        assert_ne!(second, third);
        assert_eq!(self.get(key).await, Some(item("b", third)));
        let empty = self.written("w/run/empty", "", Condition::Absent).await;
        assert_eq!(self.get("w/run/empty").await, Some(item("", empty)));
    }

    async fn of_many_writers_at_once_one_wins(&self) {
        let mut revision = None;
        for round in 0..5 {
            let condition = revision.map_or(Condition::Absent, Condition::Revision);
            let values: Vec<String> = (0..16).map(|writer| format!("{round}-{writer}")).collect();
            let puts = values.iter().map(|value| self.put("w/claim/r/1", value, condition, NEVER));
            let puts = join_all(puts).await;
            let won: Vec<(usize, u64)> = puts
                .iter()
                .enumerate()
                .filter_map(|(writer, put)| match put {
                    Put::Written(revision) => Some((writer, *revision)),
                    Put::Refused(_) => None,
                })
                .collect();
            let [(writer, written)] = won[..] else { panic!("{} writers won in round {round}", won.len()) };
            let there = Item { value: Bytes::from(values[writer].clone()), revision: written };
            let told = puts.iter().enumerate().filter(|(loser, _)| *loser != writer);
            assert!(told.clone().all(|(_, put)| *put == Put::Refused(Some(there.clone()))), "{puts:?}");
            assert_eq!(self.get("w/claim/r/1").await, Some(there));
            revision = Some(written);
        }
    }

    async fn what_has_expired_is_absent(&self) {
        let key = "w/run/expired";
        let past = self.past();
        let Put::Written(first) = self.put(key, "a", Condition::Absent, past).await else {
            panic!("refused")
        };
        assert_eq!(self.get(key).await, None);
        assert_eq!(self.put(key, "b", Condition::Revision(first), NEVER).await, Put::Refused(None));
        let second = self.written(key, "b", Condition::Absent).await;
        assert_ne!(first, second);
        assert!(self.get(key).await.is_some());
        let later = self.1.now().plus(std::time::Duration::from_hours(1));
        assert!(matches!(self.put(key, "c", Condition::Revision(second), later).await, Put::Written(_)));
        assert!(self.get(key).await.is_some());
    }

    async fn sets_collect_each_member_once(&self) {
        let key = "w/arrived/r/3";
        let members: Vec<u32> = (0..24).map(|n| n % 12 * 1000).collect();
        let add = async |member: u32| self.0.add(&HOME, key, member, NEVER).await.unwrap();
        let wholes: Vec<BTreeSet<u32>> = join_all(members.iter().map(|member| add(*member))).await;
        let all: BTreeSet<u32> = members.iter().copied().collect();
        for (member, whole) in members.iter().zip(&wholes) {
            assert!(whole.contains(member) && whole.is_subset(&all), "{member}: {whole:?}");
        }
        assert!(wholes.contains(&all), "somebody completes it");
        let before: Vec<&BTreeSet<u32>> = wholes.iter().collect();
        assert!(before.iter().all(|a| before.iter().all(|b| a.is_subset(b) || b.is_subset(a))), "one order");
        let most = u32::MAX;
        assert!(self.0.add(&HOME, key, most, NEVER).await.unwrap().contains(&most));
    }

    async fn a_set_that_has_expired_begins_anew(&self) {
        let key = "w/arrived/r/4";
        let past = self.past();
        self.0.add(&HOME, key, 1, past).await.unwrap();
        assert_eq!(self.0.add(&HOME, key, 2, NEVER).await.unwrap(), BTreeSet::from([2]));
        assert_eq!(self.0.add(&HOME, key, 3, NEVER).await.unwrap(), BTreeSet::from([2, 3]));
    }

    async fn lists_are_in_order_page_by_page(&self) {
        let past = self.past();
        for name in ["3.10", "3.2", "3.1", "30", "4.1"] {
            self.written(&format!("w/claim/l/{name}"), name, Condition::Absent).await;
        }
        self.put("w/claim/l/3.15", "gone", Condition::Absent, past).await;
        self.written("w/claim/l2/3.1", "another group", Condition::Absent).await;
        self.0.add(&HOME, "w/arrived/l/3", 1, NEVER).await.unwrap();
        assert_eq!(self.keys("w/claim/l/3.", 2).await, ["3.1", "3.10", "3.2"]);
        assert_eq!(self.keys("w/claim/l/", 100).await, ["3.1", "3.10", "3.2", "30", "4.1"]);
        assert_eq!(self.keys("w/claim/l/", 1).await, ["3.1", "3.10", "3.2", "30", "4.1"]);
        self.written("w/claim/l/3.3/below", "a group below", Condition::Absent).await;
        assert_eq!(self.keys("w/claim/l/", 100).await, ["3.1", "3.10", "3.2", "30", "4.1"]);
        assert_eq!(self.keys("w/claim/none/", 100).await, [""; 0]);
        assert_eq!(self.keys("w/arrived/l/", 100).await, [""; 0]);
        let behind = async |after: &str| {
            let page = self.0.list(&HOME, "w/claim/l/3.", Some(after), 100).await.unwrap();
            page.items.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(behind("w/claim/l/3.11").await, ["w/claim/l/3.2"]);
        assert_eq!(behind("w/claim/a").await.len(), 3);
        assert_eq!(behind("w/claim/l/30").await, [""; 0]);
        let page = self.0.list(&HOME, "w/claim/l/4", None, 100).await.unwrap();
        assert_eq!(page.items[0].1.value, "4.1");
        // more than the page of any store holds
        let value = "v".repeat(300_000);
        for n in 0..8 {
            self.written(&format!("w/claim/big/{n}"), &value, Condition::Absent).await;
        }
        assert_eq!(self.keys("w/claim/big/", 100).await.len(), 8);
    }

    /// What is behind the last `/` of the keys of all pages.
    async fn keys(&self, prefix: &str, limit: u16) -> Vec<String> {
        let mut keys = Vec::new();
        let mut after = None;
        loop {
            let page = self.0.list(&HOME, prefix, after.as_deref(), limit).await.unwrap();
            assert!(page.items.len() <= limit.into());
            keys.extend(page.items.into_iter().map(|(key, _)| key[key.rfind('/').unwrap() + 1..].to_owned()));
            match page.next {
                Some(next) => after = Some(next),
                None => return keys,
            }
        }
    }

    async fn an_item_has_a_limit(&self) {
        let put = |bytes: usize| {
            let value = Bytes::from(vec![7; bytes]);
            async move { self.0.put(&HOME, "w/run/large", value, Condition::Any, NEVER).await }
        };
        assert!(matches!(put(400_000).await, Ok(Put::Written(_))));
        let error = put(410_000).await.unwrap_err();
        assert_eq!((error.operation, &error.region), ("put", &HOME));
        assert!(error.cause.contains("400 KB"), "{}", error.cause);
    }
}
