//! `/metrics`, `/livez`, `/readyz`.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use axum::{Router, extract::State, http::StatusCode, routing::get};

use crate::{kafka::settings::wall_clock, log::LogError, metrics::Metrics};

/// The loop must have turned within so many milliseconds to be alive.
const ALIVE_WITHIN: i64 = 60_000;

/// What the workers say of themselves.
#[derive(Debug, Default)]
pub struct Health {
    turned_at: Vec<AtomicI64>,
    ready: Vec<AtomicBool>,
}

impl Health {
    /// For so many workers.
    pub fn new(workers: usize) -> Health {
        let now = wall_clock().0;
        Health {
            turned_at: (0..workers).map(|_| AtomicI64::new(now)).collect(),
            ready: (0..workers).map(|_| AtomicBool::new(false)).collect(),
        }
    }

    /// A worker's loop has turned.
    pub fn turned(&self, worker: usize) {
        self.turned_at[worker].store(wall_clock().0, Ordering::Relaxed);
    }

    /// Whether a worker has been assigned its tasks and all of them stand where they were committed.
    pub fn is_ready(&self, worker: usize, ready: bool) {
        self.ready[worker].store(ready, Ordering::Relaxed);
    }

    fn live(&self) -> bool {
        let now = wall_clock().0;
        self.turned_at
            .iter()
            .all(|at| now - at.load(Ordering::Relaxed) < ALIVE_WITHIN)
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
            get(|State(shared): State<Shared>| async move { answer(shared.1.live()) }),
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
        (StatusCode::SERVICE_UNAVAILABLE, "not yet\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
