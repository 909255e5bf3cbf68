//! `/metrics`, `/livez`, `/readyz`.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, extract::State, http::StatusCode, routing::get};

use crate::{log::LogError, metrics::Metrics};

/// The loop must have turned within this time to be alive.
const ALIVE_WITHIN: Duration = Duration::from_secs(60);

/// What the workers say of themselves. By no wall clock: one that steps would say that a loop stands still, or hide it.
#[derive(Debug)]
pub struct Health {
    started: Instant,
    /// Milliseconds after the start.
    turned_at: Vec<AtomicU64>,
    ready: Vec<AtomicBool>,
}

impl Health {
    /// For so many workers.
    pub fn new(workers: usize) -> Health {
        Health {
            started: Instant::now(),
            turned_at: (0..workers).map(|_| AtomicU64::new(0)).collect(),
            ready: (0..workers).map(|_| AtomicBool::new(false)).collect(),
        }
    }

    /// A worker's loop has turned.
    pub fn turned(&self, worker: usize) {
        let now = self.started.elapsed().as_millis() as u64;
        self.turned_at[worker].store(now, Ordering::Relaxed);
    }

    /// Whether a worker has been assigned its tasks and all of them stand where they were committed.
    pub fn is_ready(&self, worker: usize, ready: bool) {
        self.ready[worker].store(ready, Ordering::Relaxed);
    }

    /// Whether every loop has turned lately, so long after the start.
    fn live(&self, now: Duration) -> bool {
        let mut turned = self.turned_at.iter();
        turned.all(|at| {
            let at = Duration::from_millis(at.load(Ordering::Relaxed));
            now.saturating_sub(at) < ALIVE_WITHIN
        })
    }

    fn live_now(&self) -> bool {
        self.live(self.started.elapsed())
    }

    fn ready(&self) -> bool {
        self.ready.iter().all(|ready| ready.load(Ordering::Relaxed))
    }
}

type Shared = Arc<(Arc<Metrics>, Arc<Health>)>;

/// Serves until the runtime ends. Gives the address, which a port of 0 leaves open.
pub async fn serve(
    address: SocketAddr,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
) -> Result<SocketAddr, LogError> {
    let shared: Shared = Arc::new((metrics, health));
    let app = Router::new()
        .route(
            "/metrics",
            get(|State(shared): State<Shared>| async move { shared.0.render() }),
        )
        .route(
            "/livez",
            get(|State(shared): State<Shared>| async move { answer(shared.1.live_now()) }),
        )
        .route(
            "/readyz",
            get(|State(shared): State<Shared>| async move { answer(shared.1.ready()) }),
        )
        .with_state(shared);
    let listener = tokio::net::TcpListener::bind(address).await.map_err(|e| {
        LogError::new(format!(
            "cannot listen on {address}: {e}; choose another --metrics-address (port 0 takes any)"
        ))
    })?;
    let bound = listener
        .local_addr()
        .map_err(|e| LogError::new(e.to_string()))?;
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "metrics are not served any more");
        }
    });
    Ok(bound)
}

fn answer(well: bool) -> (StatusCode, &'static str) {
    if well {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not now\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_alive_while_all_of_its_loops_turn() {
        let health = Health::new(2);
        let (soon, late) = (ALIVE_WITHIN / 2, ALIVE_WITHIN * 2);
        assert!(health.live(soon), "a loop may begin late");
        assert!(!health.live(late));
        let turned = |worker: usize| {
            let at = late.as_millis() as u64;
            health.turned_at[worker].store(at, Ordering::Relaxed);
        };
        turned(0);
        assert!(!health.live(late), "the other stands still");
        turned(1);
        assert!(health.live(late));
        assert_eq!(answer(health.live(late)).0, StatusCode::OK);
        let stands = health.live(late + ALIVE_WITHIN);
        assert_eq!(answer(stands).0, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn a_process_is_ready_while_all_of_its_workers_are() {
        let health = Health::new(2);
        assert!(!health.ready());
        health.is_ready(0, true);
        assert!(!health.ready());
        health.is_ready(1, true);
        assert!(health.ready());
        health.is_ready(0, false);
        assert!(!health.ready(), "its tasks were revoked");
    }
}
