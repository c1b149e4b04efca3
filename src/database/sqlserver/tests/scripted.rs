//! A server that says what it is told to, one step after the other, and remembers what it heard.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::super::tls::framing::{Framed, HEADER, message};
use crate::database::url::{EngineName, Target, TlsMode};
use crate::model::secret::Secret;

/// What every target of these tests has.
pub const PASSWORD: &str = "s3cret-word";
/// The type of what a server says.
const ANSWER: u8 = 4;

/// One step of the server's; after the last one it hangs up.
pub enum Say {
    /// Hears the first message, and answers with this word on encryption.
    Encryption(u8),
    /// The same, and encrypts from here on.
    Tls,
    /// Hears something, and answers with this as it is.
    Raw(Vec<u8>),
    /// Hears so many messages, and answers the last one with these tokens; with none, it hangs up.
    Tokens(usize, Vec<u8>),
    /// Says this message without having heard one.
    More(Vec<u8>),
    /// Hears one message, and answers with a packet that is not the last of its answer.
    Begins(Vec<u8>),
    /// Keeps the connection open, and silent.
    Nothing,
}

/// A message that is heard first.
pub struct Hear;

impl Hear {
    pub fn then(self, tokens: Vec<u8>) -> Say {
        Say::Tokens(1, tokens)
    }

    pub fn twice_then(self, tokens: Vec<u8>) -> Say {
        Say::Tokens(2, tokens)
    }
}

pub struct Scripted {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A network that lets a few bytes through at a time.
struct Narrow(TcpStream);

impl AsyncRead for Narrow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut few = [0; 3];
        let mut part = ReadBuf::new(&mut few[..buf.remaining().min(3)]);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut part))?;
        buf.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Narrow {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, &buf[..buf.len().min(3)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Scripted {
    /// For one connection.
    pub async fn start(steps: Vec<Say>) -> Self {
        Self::serving(steps, false).await
    }

    /// The same, with what is said and heard in pieces of three bytes.
    pub async fn narrow(steps: Vec<Say>) -> Self {
        Self::serving(steps, true).await
    }

    async fn serving(steps: Vec<Say>, narrow: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let memory = Arc::clone(&heard);
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            let stream: Box<dyn Stream> = if narrow { Box::new(Narrow(stream)) } else { Box::new(stream) };
            serve(stream, steps, &memory).await;
        });
        Self { port, heard }
    }

    /// What sends whoever logs in to this server.
    pub fn routes_here(&self) -> Vec<u8> {
        let host = "127.0.0.1";
        let mut body = vec![20];
        body.extend(u16::try_from(5 + 2 * host.len()).expect("a short name").to_le_bytes());
        body.push(0);
        body.extend(self.port.to_le_bytes());
        body.extend(u16::try_from(host.len()).expect("a short name").to_le_bytes());
        body.extend(words(host));
        body.extend([0, 0]);
        [token(0xe3, &body), logged_in()].concat()
    }

    pub fn target(&self, mode: TlsMode) -> Target {
        let mut target = Target::new(EngineName::SqlServer);
        target.host = Some("127.0.0.1".into());
        target.port = Some(self.port);
        target.user = Some("bell".into());
        target.password = Some(Secret::new(PASSWORD));
        target.tls.mode = mode;
        target
    }

    /// Login and batches, in order, as text.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("nobody panicked").clone()
    }

    pub async fn until_heard(&self, messages: usize) {
        while self.heard().len() < messages {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

async fn serve(mut stream: Box<dyn Stream>, steps: Vec<Say>, heard: &Mutex<Vec<String>>) {
    for step in steps {
        match step {
            Say::Encryption(word) => {
                let _ = hear(&mut stream).await;
                say(&mut stream, &prelogin(word)).await;
            }
            Say::Tls => {
                let _ = hear(&mut stream).await;
                say(&mut stream, &prelogin(1)).await;
                // a client that does not trust us hangs up
                let Ok(mut secured) = acceptor().accept(Framed::new(stream)).await else { return };
                secured.get_mut().0.stop_wrapping();
                stream = Box::new(secured);
            }
            Say::Raw(bytes) => {
                let mut some = [0; 64];
                let _ = stream.read(&mut some).await;
                let _ = stream.write_all(&bytes).await;
            }
            Say::Tokens(messages, tokens) => {
                for _ in 0..messages {
                    let Some(text) = hear(&mut stream).await else { return };
                    heard.lock().expect("nobody panicked").push(text);
                }
                if tokens.is_empty() {
                    return;
                }
                say(&mut stream, &tokens).await;
            }
            Say::More(tokens) => say(&mut stream, &tokens).await,
            Say::Begins(content) => {
                let Some(text) = hear(&mut stream).await else { return };
                let mut packet = message(ANSWER, &content);
                packet[1] = 0;
                let _ = stream.write_all(&packet).await;
                let _ = stream.flush().await;
                heard.lock().expect("nobody panicked").push(text);
            }
            Say::Nothing => std::future::pending().await,
        }
    }
    // what is still to be read would turn the hanging up into a reset
    let _ = stream.shutdown().await;
}

fn acceptor() -> TlsAcceptor {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
    let chain = CertificateDer::pem_file_iter(folder.join("server.pem")).expect("a file");
    let chain = chain.collect::<Result<_, _>>().expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a pair");
    Arc::new(config).into()
}

/// One message as text; none if the other side has hung up.
async fn hear(stream: &mut Box<dyn Stream>) -> Option<String> {
    let mut content = Vec::new();
    loop {
        let mut header = [0; HEADER];
        stream.read_exact(&mut header).await.ok()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let mut packet = vec![0; length - HEADER];
        stream.read_exact(&mut packet).await.ok()?;
        content.extend(packet);
        if header[1] & 1 == 1 {
            let units: Vec<u16> =
                content.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            return Some(String::from_utf16_lossy(&units));
        }
    }
}

async fn say(stream: &mut Box<dyn Stream>, content: &[u8]) {
    let _ = stream.write_all(&message(ANSWER, content)).await;
    let _ = stream.flush().await;
}

fn prelogin(word: u8) -> Vec<u8> {
    let mut answer = vec![0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff];
    answer.extend([16, 0, 16, 19, 0, 0, word]);
    answer
}

pub fn words(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn short(text: &str) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(text.encode_utf16().count()).expect("a short text")];
    bytes.extend(words(text));
    bytes
}

/// The end of an answer: 0 = all is well, 1 = there is more, 2 = an error, 0x20 = an attention.
fn done(status: u16) -> Vec<u8> {
    let mut token = vec![0xfd];
    token.extend(status.to_le_bytes());
    token.extend([0; 10]);
    token
}

fn token(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut token = vec![kind];
    token.extend(u16::try_from(body.len()).expect("a short body").to_le_bytes());
    token.extend(body);
    token
}

pub fn logged_in() -> Vec<u8> {
    let mut body = vec![1];
    body.extend(0x7400_0004_u32.to_be_bytes());
    body.extend(short("Scripted"));
    body.extend([16, 0, 0, 0]);
    [token(0xad, &body), done(0)].concat()
}

/// One row with one number: what `@@ROWCOUNT` says.
pub fn answered(count: i32) -> Vec<u8> {
    [number(count), done(0)].concat()
}

/// One row with one number, and then what `@@ROWCOUNT` says of it.
pub fn answered_with(value: i32) -> Vec<u8> {
    [number(value), done(1), number(1), done(0)].concat()
}

/// One row with a text and a number, or the text alone; or no row at all.
pub fn answered_with_text(row: Option<(&str, Option<i32>)>) -> Vec<u8> {
    let Some((text, beside)) = row else { return answered(0) };
    let mut tokens = vec![0x81, if beside.is_some() { 2 } else { 1 }, 0];
    tokens.extend([0, 0, 0, 0, 0, 0, 0xe7, 0xfe, 1, 0, 0, 0, 0, 0, 0]);
    if beside.is_some() {
        tokens.extend([0, 0, 0, 0, 0, 0, 0x26, 4, 0]);
    }
    let text = words(text);
    tokens.push(0xd1);
    tokens.extend(u16::try_from(text.len()).expect("a short text").to_le_bytes());
    tokens.extend(text);
    if let Some(number) = beside {
        tokens.push(4);
        tokens.extend(number.to_le_bytes());
    }
    [tokens, done(1), number(1), done(0)].concat()
}

/// A column of a Lithuanian collation with these bytes, a number beside them, and then what follows the row.
pub fn in_a_code_page(bytes: &[u8], then: Vec<u8>) -> Vec<u8> {
    let mut tokens = vec![0x81, 2, 0];
    tokens.extend([0, 0, 0, 0, 0, 0, 0xa7, 0xfe, 1, 0x27, 0x04, 0, 0, 0, 0]);
    tokens.extend([0, 0, 0, 0, 0, 0, 0x26, 4, 0]);
    tokens.push(0xd1);
    tokens.extend(u16::try_from(bytes.len()).expect("a short value").to_le_bytes());
    tokens.extend(bytes);
    tokens.extend([4, 7, 0, 0, 0]);
    [tokens, done(1), then].concat()
}

/// The transaction has ended.
pub fn rolled_back() -> Vec<u8> {
    token(0xe3, &[10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])
}

/// A column, and a row of it.
fn number(value: i32) -> Vec<u8> {
    let mut tokens = vec![0x81, 1, 0];
    tokens.extend([0, 0, 0, 0, 0, 0, 0x26, 4, 0]);
    tokens.extend([0xd1, 4]);
    tokens.extend(value.to_le_bytes());
    tokens
}

pub fn failed(number: i32, state: u8, class: u8, text: &str) -> Vec<u8> {
    error(number, (state, class), text, "", 1)
}

pub fn error_at(number: i32, class: u8, text: &str, procedure: &str, line: u32) -> Vec<u8> {
    error(number, (1, class), text, procedure, line)
}

/// An answer without rows.
pub fn nothing() -> Vec<u8> {
    done(0)
}

/// What `PRINT` says.
pub fn printed(text: &str) -> Vec<u8> {
    token(0xab, &words_of_the_server(0, (1, 0), text, "", 1))
}

fn error(number: i32, (state, class): (u8, u8), text: &str, procedure: &str, line: u32) -> Vec<u8> {
    [token(0xaa, &words_of_the_server(number, (state, class), text, procedure, line)), done(2)].concat()
}

fn words_of_the_server(
    number: i32,
    (state, class): (u8, u8),
    text: &str,
    procedure: &str,
    line: u32,
) -> Vec<u8> {
    let mut body = number.to_le_bytes().to_vec();
    body.extend([state, class]);
    body.extend(u16::try_from(text.encode_utf16().count()).expect("a short text").to_le_bytes());
    body.extend(words(text));
    body.extend(short("scripted"));
    body.extend(short(procedure));
    body.extend(line.to_le_bytes());
    body
}

/// The answer to an attention.
pub fn stopped() -> Vec<u8> {
    done(0x20)
}
