//! Calls that may never come back, made by a thread of their own so that nobody waits for them for ever.

use std::{
    io,
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

type Call<T> = Box<dyn FnOnce() -> T + Send>;

/// A thread that makes one call after the other.
#[derive(Debug)]
pub(super) struct Caller<T> {
    calls: Sender<Call<T>>,
    answers: Receiver<T>,
}

impl<T: Send + 'static> Caller<T> {
    /// Starts the thread. It ends once this is dropped and the call that it is in has come back.
    pub(super) fn start(name: &str) -> io::Result<Caller<T>> {
        let (calls, waiting) = mpsc::channel::<Call<T>>();
        let (answered, answers) = mpsc::channel();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                for call in waiting {
                    if answered.send(call()).is_err() {
                        break;
                    }
                }
            })?;
        Ok(Caller { calls, answers })
    }

    /// Makes a call. `None` if it has not come back in time: it may yet, so nothing is to be called here after that.
    pub(super) fn call(
        &self,
        limit: Duration,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        self.calls.send(Box::new(call)).ok()?;
        self.answers.recv_timeout(limit).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn answers_come_from_another_thread_one_by_one() {
        let caller = Caller::start("calls").expect("a thread");
        for number in 0..3 {
            let answer = caller.call(LONG, move || (number, thread::current().id()));
            let (answered, by) = answer.expect("an answer");
            assert_eq!(answered, number);
            assert_ne!(by, thread::current().id());
        }
    }

    #[test]
    fn a_call_that_never_comes_back_is_given_up_and_what_it_holds_lives_until_it_does() {
        let (end, hang) = mpsc::channel::<()>();
        let (dropped, is_dropped) = mpsc::channel::<()>();
        let caller = Caller::start("calls").expect("a thread");
        let answer = caller.call(Duration::from_millis(1), move || {
            let _held = dropped;
            let _ = hang.recv();
        });
        assert_eq!(answer, None);
        drop(caller);
        assert_eq!(is_dropped.try_recv(), Err(mpsc::TryRecvError::Empty));
        drop(end);
        assert_eq!(
            is_dropped.recv_timeout(LONG),
            Err(mpsc::RecvTimeoutError::Disconnected)
        );
    }
}
