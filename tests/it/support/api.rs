//! An API of one test's own: answers what it is told to, notes what was asked, and goes wrong when it is to.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::http::{self, Answer, Request, Stream, Then};

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This code in place of an answer; nothing is done.
    Code(u16),
    /// This code, though it is done.
    DoneBut(u16),
    /// This code, with headers and a message.
    Told(u16, Vec<(&'static str, String)>, &'static str),
    /// This text, with 200.
    Says(String, Then),
    /// It is done, and nothing is answered for so long.
    DoneInSilence(Duration),
    /// Nothing is done or answered for so long, and then the connection ends.
    Silence(Duration),
}

/// Which requests: the method, and a piece of the path.
type Which = (&'static str, &'static str);

#[derive(Default)]
struct State {
    faults: VecDeque<(Which, Fault)>,
    asked: Vec<Asked>,
}

/// One request, as it was answered.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub code: u16,
    pub at: Instant,
    /// It came with a token.
    pub with_token: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    over: AtomicBool,
    answer: Box<dyn Fn(&Request) -> Answer + Send + Sync>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers until it goes.
pub struct Api {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Api {
    /// On a free port of the loopback.
    pub fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            over: AtomicBool::new(false),
            answer: Box::new(answer),
        });
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if served.over.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let served = Arc::clone(&served);
                thread::spawn(move || serve(&served, stream));
            }
        });
        Self { address, shared }
    }

    /// Its address, without a path.
    pub fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request like this goes wrong.
    pub fn fail(&self, method: &'static str, path: &'static str, fault: Fault) {
        self.shared.lock().faults.push_back(((method, path), fault));
    }

    /// Nothing more goes wrong.
    pub fn heal(&self) {
        self.shared.lock().faults.clear();
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.lock().asked.clone()
    }

    /// How often something like this was asked with this answer.
    pub fn count(&self, method: &str, path: &str, code: u16) -> usize {
        let fits = |asked: &&Asked| asked.method == method && asked.path.contains(path) && asked.code == code;
        self.asked().iter().filter(fits).count()
    }

    /// Waits until something like this was answered so often. Panics after `limit`.
    pub fn wait_for(&self, method: &str, path: &str, code: u16, times: usize, limit: Duration) {
        let until = Instant::now() + limit;
        while self.count(method, path, code) < times {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {times} × {method} {path} {code}: {:#?}", self.asked());
            let state = self.shared.lock();
            drop(self.shared.changed.wait_timeout(state, left.min(Duration::from_millis(200))));
        }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // the one that waits for a connection sees it
        drop(TcpStream::connect(self.address));
    }
}

fn serve(shared: &Shared, mut stream: TcpStream) {
    let Some(request) = http::read(&mut stream) else { return };
    let fault = {
        let mut state = shared.lock();
        let fits =
            |((method, path), _): &(Which, Fault)| *method == request.method && request.path.contains(path);
        let at = state.faults.iter().position(fits);
        at.and_then(|at| state.faults.remove(at)).map(|(_, fault)| fault)
    };
    let answer = match fault {
        Some(Fault::DoneInSilence(time)) => {
            note(shared, &request, (shared.answer)(&request).code);
            thread::sleep(time);
            return;
        }
        Some(Fault::Silence(time)) => {
            note(shared, &request, 0);
            thread::sleep(time);
            return;
        }
        Some(Fault::Says(text, then)) => Answer::stream(Stream { text, then }),
        Some(Fault::Code(code)) => Answer::message(code, "Server Error"),
        Some(Fault::Told(code, headers, message)) => {
            let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            Answer { headers, ..Answer::message(code, message) }
        }
        Some(Fault::DoneBut(code)) => {
            (shared.answer)(&request);
            Answer::message(code, "Server Error")
        }
        None => (shared.answer)(&request),
    };
    let code = http::write(&mut stream, &request, answer);
    note(shared, &request, code);
}

fn note(shared: &Shared, request: &Request, code: u16) {
    let asked = Asked {
        method: request.method.clone(),
        path: request.path.clone(),
        code,
        at: Instant::now(),
        with_token: request.token.is_some(),
    };
    shared.lock().asked.push(asked);
    shared.changed.notify_all();
}
