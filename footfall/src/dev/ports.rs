//! The three ports of a data directory: kept across restarts while they are free.

use std::{fmt, io, net::TcpListener, str::FromStr};

use anyhow::Context;

use super::lifecycle::Service;

/// Where the services of one data directory listen, all on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    /// Kafka's clients.
    pub(super) kafka: u16,
    /// Kafka's own controller.
    pub(super) controller: u16,
    /// The registry.
    pub(super) registry: u16,
}

/// The ports everybody knows them by, taken when nobody else has.
const USUAL: Ports = Ports {
    kafka: 9092,
    controller: 9093,
    registry: 8081,
};

impl Ports {
    /// Chooses ports for the services that are to be started; those of running services stay.
    pub(super) fn choose(previous: Option<Ports>, services: &[Service]) -> anyhow::Result<Ports> {
        let mut ports = previous.unwrap_or(USUAL);
        // Held until all are chosen, so that no two are the same.
        let mut held = Vec::new();
        let mut take = |port: &mut u16, usual: u16| -> anyhow::Result<()> {
            let listener = listen(*port)
                .or_else(|_| listen(usual))
                .or_else(|_| listen(0))
                .context("no free port on 127.0.0.1")?;
            *port = listener.local_addr()?.port();
            held.push(listener);
            Ok(())
        };
        if services.contains(&Service::Kafka) {
            take(&mut ports.kafka, USUAL.kafka)?;
            take(&mut ports.controller, USUAL.controller)?;
        }
        if services.contains(&Service::Registry) {
            take(&mut ports.registry, USUAL.registry)?;
        }
        Ok(ports)
    }

    /// Where this service's clients connect.
    pub(super) fn of(&self, service: Service) -> u16 {
        match service {
            Service::Kafka => self.kafka,
            Service::Registry => self.registry,
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kafka={}", self.kafka)?;
        writeln!(f, "controller={}", self.controller)?;
        writeln!(f, "registry={}", self.registry)
    }
}

impl FromStr for Ports {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Ports> {
        let port = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .and_then(|port| port.trim().parse::<u16>().ok().filter(|port| *port > 0))
                .with_context(|| format!("no line {name}=PORT"))
        };
        Ok(Ports {
            kafka: port("kafka")?,
            controller: port("controller")?,
            registry: port("registry")?,
        })
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_they_are_written() {
        let ports = Ports {
            kafka: 1,
            controller: 22,
            registry: 65535,
        };
        assert_eq!(ports.to_string().parse::<Ports>().expect("ports"), ports);
    }

    #[test]
    fn a_port_that_is_missing_or_none_is_named() {
        for text in [
            "",
            "kafka=9092\nregistry=8081\n",
            "kafka=9092\ncontroller=0\nregistry=1\n",
            "kafka=99999",
        ] {
            let error = text.parse::<Ports>().expect_err("no ports").to_string();
            assert!(error.starts_with("no line "), "{text}: {error}");
        }
    }

    #[test]
    fn free_ports_are_kept_and_taken_ones_are_not() {
        let taken = listen(0).expect("a port");
        let taken_port = taken.local_addr().expect("an address").port();
        let free_port = listen(0)
            .expect("a port")
            .local_addr()
            .expect("an address")
            .port();
        let previous = Ports {
            kafka: taken_port,
            controller: taken_port,
            registry: free_port,
        };
        let ports = Ports::choose(Some(previous), &Service::ALL).expect("ports");
        assert_ne!(ports.kafka, taken_port);
        assert_ne!(ports.controller, taken_port);
        assert_ne!(ports.kafka, ports.controller);
        assert_eq!(ports.registry, free_port);
    }

    #[test]
    fn a_running_services_port_stays() {
        let running = listen(0).expect("a port");
        let port = running.local_addr().expect("an address").port();
        let previous = Ports {
            kafka: port,
            controller: port,
            registry: port,
        };
        let ports = Ports::choose(Some(previous), &[Service::Registry]).expect("ports");
        assert_eq!(ports.kafka, port);
        assert_ne!(ports.registry, port);
    }
}
