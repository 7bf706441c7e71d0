//! The plan in force, as an entry sees it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use caribou_model::{Graph, Plan, Region, Timestamp};

use crate::plan;
use crate::port::Store;

/// Keeps the plan in force for a while, and longer when home does not answer.
pub(crate) struct Plans {
    home: Arc<Plan>,
    keep: Duration,
    cached: Mutex<Option<Cached>>,
}

#[derive(Clone)]
struct Cached {
    read: Timestamp,
    plan: Arc<Plan>,
}

impl Plans {
    pub(crate) fn new(graph: &Graph, home: &Region, keep: Duration) -> Self {
        Self { home: Arc::new(Plan::at_home(graph, home.clone())), keep, cached: Mutex::new(None) }
    }

    /// The same without what was read.
    #[cfg(feature = "memory")]
    pub(crate) fn fresh(&self) -> Self {
        Self { home: self.home.clone(), keep: self.keep, cached: Mutex::new(None) }
    }

    /// The plan for a run that begins now: that of home if it is in force, else everything at home.
    pub(crate) async fn current(&self, store: &dyn Store, graph: &Graph, now: Timestamp) -> Arc<Plan> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let plan = match cached {
            Some(cached) if now.since(cached.read) < self.keep => cached.plan,
            cached => match self.read(store, graph).await {
                Some(plan) => {
                    let cached = Cached { read: now, plan: plan.clone() };
                    *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some(cached);
                    plan
                }
                None => cached.map_or_else(|| self.home.clone(), |cached| cached.plan),
            },
        };
        if now < plan.expires { plan } else { self.home.clone() }
    }

    /// Reads the plan. `None` if home does not answer.
    async fn read(&self, store: &dyn Store, graph: &Graph) -> Option<Arc<Plan>> {
        let home = &self.home.home;
        match plan::read(store, home, &graph.workflow, &graph.version).await {
            Ok(None) => Some(self.home.clone()),
            Ok(Some((plan, _))) => match plan.validate(graph) {
                Ok(()) if plan.home == *home => Some(Arc::new(plan)),
                Ok(()) => {
                    tracing::error!(epoch = %plan.epoch, plan = %plan.home, %home, "the plan has another home region; runs go home");
                    Some(self.home.clone())
                }
                Err(error) => {
                    tracing::error!(epoch = %plan.epoch, %error, "the plan cannot be used; runs go home");
                    Some(self.home.clone())
                }
            },
            Err(error @ plan::PlanStoreError::Unreadable { .. }) => {
                tracing::error!(%error, "runs go home");
                Some(self.home.clone())
            }
            Err(error) => {
                tracing::warn!(%error, "the plan that was read last stays in use");
                None
            }
        }
    }
}
