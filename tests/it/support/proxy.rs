//! A TCP proxy between the program and a server: it freezes, cuts, delays and half-closes connections, all of them or
//! those of one part. It knows a leader's sessions by what they say, and changes nothing of it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use url::Url;

use super::database::TestDatabase;

/// Which of the program's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The one that has claimed: of a wrapped command, it beats too.
    Work,
    /// One that beats and has claimed nothing.
    Beat,
}

/// What is done to a connection's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// They pass, each so much later.
    Open(Duration),
    /// They stay where they are, in both directions, and nobody is told.
    Frozen,
    /// The client reads the end; the server hears nothing of it.
    HalfClosed,
    /// Both sides read a reset.
    Cut,
}

const OPEN: Flow = Flow::Open(Duration::ZERO);

/// The proxy. It listens for as long as it lives; its connections end with it.
pub struct Proxy {
    address: SocketAddr,
    url: String,
    shared: Arc<Mutex<State>>,
    _end: oneshot::Sender<()>,
}

struct State {
    server: SocketAddr,
    newcomers: Flow,
    /// Freezes who says it.
    last_word: Option<&'static str>,
    connections: Vec<Connection>,
    accepted: usize,
}

struct Connection {
    number: usize,
    flow: watch::Sender<Flow>,
    claims: bool,
    beats: bool,
}

impl Connection {
    fn part(&self) -> Option<Part> {
        match (self.claims, self.beats) {
            (true, _) => Some(Part::Work),
            (false, true) => Some(Part::Beat),
            (false, false) => None,
        }
    }
}

impl Proxy {
    /// In front of a test's database.
    pub fn before(db: &TestDatabase) -> Self {
        Self::before_url(db.way())
    }

    /// In front of what a URL leads to.
    pub fn before_url(url: &str) -> Self {
        let url = Url::parse(url).unwrap();
        let server = place(&url);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let mut through = url;
        through.set_port(Some(address.port())).unwrap();
        if through.scheme() == "sqlserver" {
            // the driver's default hides what is said
            through.set_query(Some("encrypt=disable"));
        }
        let state = State { server, newcomers: OPEN, last_word: None, connections: Vec::new(), accepted: 0 };
        let shared = Arc::new(Mutex::new(state));
        let accept = accept(listener, Arc::clone(&shared));
        let (end, ended) = oneshot::channel::<()>();
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept => {}
                    _ = ended => {}
                }
            });
        });
        Self { address, url: through.to_string(), shared, _end: end }
    }

    /// The URL that leads through it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections go to this server from now on.
    pub fn lead_to(&self, url: &str) {
        lock(&self.shared).server = place(&Url::parse(url).unwrap());
    }

    /// Everything stops, new connections too; nobody is told.
    pub fn freeze(&self) {
        self.set(|_| true, Flow::Frozen);
        self.freeze_newcomers();
    }

    /// The connections of one part stop; new ones pass.
    pub fn freeze_only(&self, part: Part) {
        self.set(|connection| connection.part() == Some(part), Flow::Frozen);
    }

    /// The first connection whose client says this stops as soon as the server has it: its answer does not come. Others
    /// pass.
    pub fn freeze_after(&self, word: &'static str) {
        lock(&self.shared).last_word = Some(word);
    }

    /// New connections are accepted, and then nothing comes.
    pub fn freeze_newcomers(&self) {
        lock(&self.shared).newcomers = Flow::Frozen;
    }

    /// All that was held goes on its way.
    pub fn thaw(&self) {
        self.delay(Duration::ZERO);
    }

    /// Everything takes so much longer, each way and each time.
    pub fn delay(&self, delay: Duration) {
        lock(&self.shared).newcomers = Flow::Open(delay);
        self.set(|_| true, Flow::Open(delay));
    }

    /// Every connection is reset; new ones pass.
    pub fn cut(&self) {
        self.set(|_| true, Flow::Cut);
    }

    /// The connections of one part are reset.
    pub fn cut_only(&self, part: Part) {
        self.set(|connection| connection.part() == Some(part), Flow::Cut);
    }

    /// The clients of one part read the end of their connections, while the server's side stays open.
    pub fn half_close_only(&self, part: Part) {
        self.set(|connection| connection.part() == Some(part), Flow::HalfClosed);
    }

    /// Waits until there is a connection of this part. Panics after `limit`.
    pub fn wait_for(&self, part: Part, limit: Duration) {
        let end = Instant::now() + limit;
        while !lock(&self.shared).connections.iter().any(|connection| connection.part() == Some(part)) {
            assert!(Instant::now() < end, "no {part:?} connection within {limit:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// How many connections have come so far.
    pub fn accepted(&self) -> usize {
        lock(&self.shared).accepted
    }

    fn set(&self, of: impl Fn(&Connection) -> bool, flow: Flow) {
        for connection in lock(&self.shared).connections.iter().filter(|connection| of(connection)) {
            // a connection that was ended stays so
            connection.flow.send_if_modified(|now| {
                let changes = !matches!(now, Flow::Cut | Flow::HalfClosed);
                if changes {
                    *now = flow;
                }
                changes
            });
        }
    }
}

fn place(url: &Url) -> SocketAddr {
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap()).parse().unwrap()
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Mutex<State>>) {
    while let Ok((client, _)) = listener.accept().await {
        let (number, flow) = {
            let mut state = lock(&shared);
            state.accepted += 1;
            let (flow, seen) = watch::channel(state.newcomers);
            let number = state.accepted;
            state.connections.push(Connection { number, flow, claims: false, beats: false });
            (number, seen)
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            connect(client, number, flow, &shared).await;
            lock(&shared).connections.retain(|connection| connection.number != number);
        });
    }
}

async fn connect(
    mut client: TcpStream,
    number: usize,
    mut flow: watch::Receiver<Flow>,
    shared: &Mutex<State>,
) {
    if flow.wait_for(|flow| *flow != Flow::Frozen).await.is_err() {
        return;
    }
    let address = lock(shared).server;
    let Ok(mut server) = TcpStream::connect(address).await else {
        return reset(&client);
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ended = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let notice = |bytes: &[u8]| notice(shared, number, bytes);
        tokio::select! {
            // whoever closes, both are closed: none of the servers' protocols goes on with one direction
            () = pump(from_client, to_server, flow.clone(), notice) => OPEN,
            () = pump(from_server, to_client, flow.clone(), |_| ()) => OPEN,
            ended = ended(&mut flow) => ended,
        }
    };
    match ended {
        Flow::Cut => {
            reset(&client);
            reset(&server);
        }
        Flow::HalfClosed => {
            drop(client);
            // until the server ends it by itself
            let mut rest = [0; 4096];
            while server.read(&mut rest).await.is_ok_and(|read| read > 0) {}
        }
        Flow::Open(_) | Flow::Frozen => {}
    }
}

async fn ended(flow: &mut watch::Receiver<Flow>) -> Flow {
    match flow.wait_for(|flow| matches!(flow, Flow::Cut | Flow::HalfClosed)).await {
        Ok(flow) => *flow,
        Err(_) => Flow::Cut,
    }
}

/// Closing it will send a reset.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut flow: watch::Receiver<Flow>,
    notice: impl Fn(&[u8]),
) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes).await.unwrap_or(0);
        // an end is held like everything else
        let now = match flow.wait_for(|flow| *flow != Flow::Frozen).await {
            Ok(now) => *now,
            Err(_) => return,
        };
        if let Flow::Open(delay) = now
            && !delay.is_zero()
        {
            tokio::time::sleep(delay).await;
        }
        notice(&bytes[..read]);
        if read == 0 || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

/// A leader's sessions are known by their first claim and their first beat, each of them sent in one piece.
fn notice(shared: &Mutex<State>, number: usize, bytes: &[u8]) {
    // SQL Server's clients speak UTF-16
    let wide = |text: &[u8]| text.iter().flat_map(|byte| [*byte, 0]).collect::<Vec<u8>>();
    let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text));
    let says = |text: &[u8]| has(text) || has(&wide(text));
    let mut state = lock(shared);
    if state.last_word.is_some_and(|word| says(word.as_bytes())) {
        state.last_word = None;
        for connection in state.connections.iter().filter(|connection| connection.number == number) {
            connection.flow.send_replace(Flow::Frozen);
        }
    }
    if !says(b"bellwether_runs") {
        return;
    }
    let beats = says(b"beats = beats + 1");
    // a beat may bring its steps along
    let claims = !beats && says(b"insert into");
    if let Some(connection) = state.connections.iter_mut().find(|connection| connection.number == number) {
        connection.claims |= claims;
        connection.beats |= beats;
    }
}
