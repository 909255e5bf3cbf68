//! What is going on: a line that is rewritten on a terminal, plain lines elsewhere.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

/// Says what is going on.
#[derive(Debug)]
pub(super) struct Progress {
    started: Instant,
    said_at: Instant,
    terminal: bool,
    open: bool,
}

impl Progress {
    pub(super) fn new() -> Progress {
        let now = Instant::now();
        Progress {
            started: now,
            said_at: now,
            terminal: std::io::stdout().is_terminal(),
            open: false,
        }
    }

    /// Begins something.
    pub(super) fn step(&mut self, what: &str) {
        self.close();
        println!("[{:>5.1} s] {what}", self.started.elapsed().as_secs_f64());
    }

    /// How it goes: rewritten at most four times a second on a terminal, every ten seconds elsewhere.
    pub(super) fn show(&mut self, how: impl FnOnce() -> String) {
        let every = if self.terminal {
            Duration::from_millis(250)
        } else {
            Duration::from_secs(10)
        };
        if self.said_at.elapsed() < every {
            return;
        }
        self.said_at = Instant::now();
        let line = format!(
            "[{:>5.1} s]   {}",
            self.started.elapsed().as_secs_f64(),
            how()
        );
        if self.terminal {
            print!("\r\x1b[2K{line}");
            let _ = std::io::stdout().flush();
            self.open = true;
        } else {
            println!("{line}");
        }
    }

    fn close(&mut self) {
        if self.open {
            println!();
            self.open = false;
        }
    }
}
