//! What is going on: a line that is rewritten on a terminal, plain lines elsewhere. Where nobody reads any more, that is an error
//! and no panic: the demo ends, and leaves nothing running.

use std::{
    io::{self, IsTerminal, Write},
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
    pub(super) fn step(&mut self, what: &str) -> io::Result<()> {
        let since = self.started.elapsed().as_secs_f64();
        self.say(&format!("[{since:>5.1} s] {what}"))
    }

    /// Says something, on lines of its own.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        let end = if self.open { "\n" } else { "" };
        self.open = false;
        writeln!(io::stdout(), "{end}{text}")
    }

    /// How it goes: rewritten at most four times a second on a terminal, every ten seconds elsewhere.
    pub(super) fn show(&mut self, how: impl FnOnce() -> String) -> io::Result<()> {
        let every = if self.terminal {
            Duration::from_millis(250)
        } else {
            Duration::from_secs(10)
        };
        if self.said_at.elapsed() < every {
            return Ok(());
        }
        self.said_at = Instant::now();
        let since = self.started.elapsed().as_secs_f64();
        let line = format!("[{since:>5.1} s]   {}", how());
        if !self.terminal {
            return self.say(&line);
        }
        self.open = true;
        let mut out = io::stdout();
        write!(out, "\r\x1b[2K{line}")?;
        out.flush()
    }
}
