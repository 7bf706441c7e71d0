//! Which event goes to which instance, and when. Pure: it knows neither processes nor clocks.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use caribou_model::{Region, Timestamp};
use caribou_runtime::port::StageAddress;

/// The number of a function instance.
pub(crate) type InstanceId = u64;

/// How long an instance waits for its next event before it is ended.
pub(crate) const IDLE_FOR: Duration = Duration::from_mins(1);
/// Instances in all, at work and waiting, for each that may work at a time.
const WARM_PER_RUNNING: usize = 16;

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Start an instance; the message is for it.
    Start { instance: InstanceId, address: Arc<StageAddress>, message: u64 },
    /// Hand the message to an instance that waits.
    Deliver { instance: InstanceId, message: u64 },
    /// End an instance that has waited too long, or whose place is needed.
    End { instance: InstanceId },
    /// Give the message up: its function is not deployed any more.
    Undeliverable { message: u64, address: Arc<StageAddress> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It has an event, or is starting with one.
    Busy,
    /// It has reported the end of its event and has not asked for another yet.
    Between,
    /// It waits for an event.
    Idle { since: Timestamp },
}

#[derive(Debug)]
struct Instance {
    address: Arc<StageAddress>,
    generation: u64,
    phase: Phase,
}

#[derive(Debug)]
struct Function {
    address: Arc<StageAddress>,
    /// Counts deployments, so that instances of an earlier one get no further events.
    generation: u64,
    idle: Vec<InstanceId>,
    /// Messages in its queue or in flight.
    pending: usize,
}

#[derive(Debug)]
struct Queued {
    message: u64,
    address: Arc<StageAddress>,
}

/// Queues and instances of all regions.
#[derive(Debug)]
pub(crate) struct Scheduler {
    most_running: usize,
    functions: HashMap<StageAddress, Function>,
    ready: VecDeque<Queued>,
    delayed: BTreeMap<(Timestamp, u64), Arc<StageAddress>>,
    /// Due events of regions that are down.
    held: VecDeque<Queued>,
    instances: HashMap<InstanceId, Instance>,
    running: usize,
    last_instance: InstanceId,
    down: BTreeSet<Region>,
}

impl Scheduler {
    /// No queues; `most_running` instances work at a time. Instances are numbered from the one after
    /// `last_instance`.
    pub(crate) fn new(most_running: usize, last_instance: InstanceId) -> Self {
        Self {
            most_running,
            functions: HashMap::new(),
            ready: VecDeque::new(),
            delayed: BTreeMap::new(),
            held: VecDeque::new(),
            instances: HashMap::new(),
            running: 0,
            last_instance,
            down: BTreeSet::new(),
        }
    }

    /// A function is deployed, or deployed anew. Returns the waiting instances of the earlier deployment, which
    /// are to be ended.
    pub(crate) fn deploy(&mut self, address: &StageAddress) -> Vec<InstanceId> {
        let function = self.functions.entry(address.clone()).or_insert_with(|| Function {
            address: Arc::new(address.clone()),
            generation: 0,
            idle: Vec::new(),
            pending: 0,
        });
        function.generation += 1;
        std::mem::take(&mut function.idle)
    }

    /// Removes a function. Returns its waiting instances, which are to be ended.
    pub(crate) fn remove(&mut self, address: &StageAddress) -> Vec<InstanceId> {
        self.functions.remove(address).map(|function| function.idle).unwrap_or_default()
    }

    /// Messages of a function that are not settled; `None` if it is not deployed.
    pub(crate) fn pending(&self, address: &StageAddress) -> Option<usize> {
        self.functions.get(address).map(|function| function.pending)
    }

    /// A message of a function is on its way that is not in its queue.
    pub(crate) fn track(&mut self, address: &StageAddress) {
        if let Some(function) = self.functions.get_mut(address) {
            function.pending += 1;
        }
    }

    /// A message came into the queue for the first time.
    pub(crate) fn accept(&mut self, message: u64, address: &StageAddress, not_before: Timestamp) {
        self.track(address);
        self.enqueue(message, address, not_before);
    }

    /// A message that is in the queue is to be delivered again.
    pub(crate) fn enqueue(&mut self, message: u64, address: &StageAddress, not_before: Timestamp) {
        let function = self.functions.get(address);
        let address = function.map_or_else(|| Arc::new(address.clone()), |known| Arc::clone(&known.address));
        self.delayed.insert((not_before, message), address);
    }

    /// A message left the queue for good.
    pub(crate) fn settle(&mut self, address: &StageAddress) {
        if let Some(function) = self.functions.get_mut(address) {
            function.pending = function.pending.saturating_sub(1);
        }
    }

    /// Messages that wait to be delivered.
    pub(crate) fn queued(&self) -> usize {
        self.ready.len() + self.delayed.len() + self.held.len()
    }

    /// Instances that live.
    pub(crate) fn instances(&self) -> usize {
        self.instances.len()
    }

    /// Other regions are down now.
    pub(crate) fn set_down(&mut self, down: BTreeSet<Region>) {
        self.down = down;
        while let Some(held) = self.held.pop_back() {
            self.ready.push_front(held);
        }
    }

    /// An instance asks for an event. `false` if it is to be ended instead.
    pub(crate) fn idle(&mut self, id: InstanceId, now: Timestamp) -> bool {
        self.stop_running(id);
        let Some(instance) = self.instances.get_mut(&id) else { return false };
        let function = self.functions.get_mut(&*instance.address);
        let Some(function) = function.filter(|function| function.generation == instance.generation) else {
            return false;
        };
        instance.phase = Phase::Idle { since: now };
        function.idle.push(id);
        true
    }

    /// An instance has reported the end of its event.
    pub(crate) fn finished(&mut self, id: InstanceId) {
        self.stop_running(id);
    }

    /// An instance is gone.
    pub(crate) fn gone(&mut self, id: InstanceId) {
        self.stop_running(id);
        if let Some(instance) = self.instances.remove(&id)
            && let Some(function) = self.functions.get_mut(&*instance.address)
        {
            function.idle.retain(|idle| *idle != id);
        }
    }

    fn stop_running(&mut self, id: InstanceId) {
        if let Some(instance) = self.instances.get_mut(&id)
            && instance.phase == Phase::Busy
        {
            instance.phase = Phase::Between;
            self.running -= 1;
        }
    }

    /// What to do next; `None` if there is nothing to do before [`wake`](Self::wake).
    pub(crate) fn step(&mut self, now: Timestamp) -> Option<Step> {
        while let Some(entry) = self.delayed.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((_, message), address) = entry.remove_entry();
            self.ready.push_back(Queued { message, address });
        }
        if let Some((since, id)) = self.longest_idle()
            && (now.since(since) >= IDLE_FOR || self.instances.len() > self.most_running * WARM_PER_RUNNING)
        {
            return Some(self.end(id));
        }
        while self.running < self.most_running {
            let Queued { message, address } = self.ready.pop_front()?;
            if self.down.contains(&address.region) {
                self.held.push_back(Queued { message, address });
                continue;
            }
            let Some(function) = self.functions.get_mut(&*address) else {
                return Some(Step::Undeliverable { message, address });
            };
            self.running += 1;
            if let Some(id) = function.idle.pop() {
                if let Some(instance) = self.instances.get_mut(&id) {
                    instance.phase = Phase::Busy;
                }
                return Some(Step::Deliver { instance: id, message });
            }
            self.last_instance += 1;
            let (id, generation) = (self.last_instance, function.generation);
            let instance = Instance { address: Arc::clone(&address), generation, phase: Phase::Busy };
            self.instances.insert(id, instance);
            return Some(Step::Start { instance: id, address, message });
        }
        None
    }

    /// When [`step`](Self::step) has something to do again, if nothing else happens.
    pub(crate) fn wake(&self) -> Option<Timestamp> {
        let due = self.delayed.first_key_value().map(|((at, _), _)| *at);
        let idle = self.longest_idle().map(|(since, _)| since.plus(IDLE_FOR));
        due.into_iter().chain(idle).min()
    }

    fn end(&mut self, id: InstanceId) -> Step {
        self.gone(id);
        Step::End { instance: id }
    }

    fn longest_idle(&self) -> Option<(Timestamp, InstanceId)> {
        let idle = self.instances.iter().filter_map(|(id, instance)| match instance.phase {
            Phase::Idle { since } => Some((since, *id)),
            _ => None,
        });
        idle.min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(function: &str, region: &'static str) -> StageAddress {
        let region = Region::aws(region);
        StageAddress { workflow: "w".into(), version: "1".into(), function: function.into(), region }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn scheduler(most_running: usize, functions: &[&StageAddress]) -> Scheduler {
        let mut scheduler = Scheduler::new(most_running, 0);
        for function in functions {
            scheduler.deploy(function);
        }
        scheduler
    }

    #[test]
    fn a_waiting_instance_is_used_again() {
        let f = address("f", "us-east-1");
        let mut scheduler = scheduler(2, &[&f]);
        scheduler.accept(1, &f, at(0));
        assert!(matches!(scheduler.step(at(0)), Some(Step::Start { instance: 1, message: 1, .. })));
        scheduler.finished(1);
        assert!(scheduler.idle(1, at(5)));
        scheduler.accept(2, &f, at(0));
        assert_eq!(scheduler.step(at(5)), Some(Step::Deliver { instance: 1, message: 2 }));
        assert_eq!(scheduler.step(at(5)), None);
    }

    #[test]
    fn no_more_work_at_a_time_than_allowed_and_in_order_of_arrival() {
        let (f, g) = (address("f", "us-east-1"), address("g", "us-west-2"));
        let mut scheduler = scheduler(1, &[&f, &g]);
        scheduler.accept(1, &f, at(0));
        scheduler.accept(2, &g, at(0));
        scheduler.accept(3, &f, at(0));
        assert!(matches!(scheduler.step(at(0)), Some(Step::Start { instance: 1, message: 1, .. })));
        assert_eq!(scheduler.step(at(0)), None);
        scheduler.idle(1, at(1));
        assert!(matches!(scheduler.step(at(1)), Some(Step::Start { instance: 2, message: 2, .. })));
        scheduler.gone(2);
        assert_eq!(scheduler.step(at(2)), Some(Step::Deliver { instance: 1, message: 3 }));
    }

    #[test]
    fn a_delayed_message_waits_for_its_time() {
        let f = address("f", "us-east-1");
        let mut scheduler = scheduler(1, &[&f]);
        scheduler.accept(1, &f, at(100));
        assert_eq!(scheduler.step(at(99)), None);
        assert_eq!(scheduler.wake(), Some(at(100)));
        assert!(matches!(scheduler.step(at(100)), Some(Step::Start { .. })));
    }

    #[test]
    fn the_events_of_a_region_that_is_down_wait_until_it_is_back() {
        let (f, g) = (address("f", "us-east-1"), address("g", "us-west-2"));
        let mut scheduler = scheduler(2, &[&f, &g]);
        scheduler.set_down(BTreeSet::from([f.region.clone()]));
        scheduler.accept(1, &f, at(0));
        scheduler.accept(2, &g, at(0));
        assert!(matches!(scheduler.step(at(0)), Some(Step::Start { message: 2, .. })));
        assert_eq!((scheduler.step(at(0)), scheduler.queued()), (None, 1));
        scheduler.set_down(BTreeSet::new());
        assert!(matches!(scheduler.step(at(0)), Some(Step::Start { message: 1, .. })));
    }

    #[test]
    fn an_instance_that_waits_too_long_is_ended() {
        let f = address("f", "us-east-1");
        let mut scheduler = scheduler(1, &[&f]);
        scheduler.accept(1, &f, at(0));
        scheduler.step(at(0));
        scheduler.idle(1, at(10));
        assert_eq!(scheduler.step(at(11)), None);
        assert_eq!(scheduler.wake(), Some(at(10).plus(IDLE_FOR)));
        assert_eq!(scheduler.step(at(10).plus(IDLE_FOR)), Some(Step::End { instance: 1 }));
        assert_eq!(scheduler.instances(), 0);
    }

    #[test]
    fn an_instance_of_an_earlier_deployment_gets_no_further_event() {
        let f = address("f", "us-east-1");
        let mut scheduler = scheduler(2, &[&f]);
        scheduler.accept(1, &f, at(0));
        scheduler.step(at(0));
        scheduler.deploy(&f);
        assert!(!scheduler.idle(1, at(1)));
        scheduler.gone(1);
        scheduler.accept(2, &f, at(1));
        assert!(matches!(scheduler.step(at(1)), Some(Step::Start { instance: 2, .. })));
        assert_eq!(scheduler.pending(&f), Some(2));
        scheduler.settle(&f);
        assert_eq!(scheduler.pending(&f), Some(1));
    }
}
