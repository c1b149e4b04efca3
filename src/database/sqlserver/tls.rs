//! Encryption under the driver, with the one TLS stack and crypto provider of this program: the driver's own would bring
//! a second provider. TDS agrees on it in its first message (PRELOGIN) and wraps the handshake in messages of that type;
//! what follows is plain TLS. Here both are done before the driver begins, whose own PRELOGIN is then answered with what
//! the server had said. TLS 1.2: within TDS 7, SQL Server speaks no later one.

pub(super) mod framing;
mod unread;
mod verify;

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use rustls::pki_types::ServerName;
use tiberius::error::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::database::url::{Tls, TlsMode};
use framing::{Framed, HEADER, PRELOGIN};
use unread::Unread;

/// What the two sides may say of encryption in a PRELOGIN.
mod encryption {
    pub const OFF: u8 = 0;
    pub const ON: u8 = 1;
    pub const NOT_SUPPORTED: u8 = 2;
    pub const REQUIRED: u8 = 3;
}

/// More than any PRELOGIN: what claims to be longer is another protocol.
const LONGEST_ANSWER: usize = 4096;

/// A connection as the driver gets it: agreed upon, and with the answer to the driver's own PRELOGIN at hand.
pub(super) struct Wire {
    link: Link,
    packets: Packets,
    /// What the driver reads next: how the server had answered our PRELOGIN, or the header of a packet.
    answer: Vec<u8>,
    /// The driver's first message, until it is whole: nobody else gets it.
    first: Option<Vec<u8>>,
    /// What is left to be sent of an attention, until it has left us.
    attention: Option<Vec<u8>>,
    stop: Arc<Stop>,
}

/// What somebody else wants of a message that is read: that the server stops sending it. The driver can ask for that
/// only where it stops reading, which may be within a value.
#[derive(Default)]
pub(super) struct Stop {
    wanted: AtomicBool,
    late: AtomicBool,
    told: AtomicBool,
}

impl Stop {
    /// Has the server asked to stop, as soon as the driver reads.
    pub(super) fn ask(&self) {
        self.wanted.store(true, Ordering::SeqCst);
    }

    /// Whether the message had ended before the server heard of it. What acknowledges it then is another message, which
    /// the driver never gets.
    pub(super) fn came_late(&self) -> bool {
        self.late.load(Ordering::SeqCst)
    }

    /// Whether there was an error in what was read since then, or a transaction began or ended, the driver's knowing or not.
    pub(super) fn told(&self) -> bool {
        self.told.load(Ordering::SeqCst)
    }

    /// Another message begins.
    pub(super) fn forget(&self) {
        for flag in [&self.wanted, &self.late, &self.told] {
            flag.store(false, Ordering::SeqCst);
        }
    }
}

/// Asks the server to stop: a message without content.
const ATTENTION: [u8; HEADER] = [6, 1, 0, 8, 0, 0, 1, 0];
/// Bytes of the token that ends an answer.
const DONE: usize = 13;

impl Wire {
    /// What has the message that is read stopped.
    pub(super) fn stop(&self) -> Arc<Stop> {
        Arc::clone(&self.stop)
    }

    fn poll_attention(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.stop.wanted.swap(false, Ordering::SeqCst) {
            self.attention = Some(ATTENTION.to_vec());
            self.packets.acknowledges = true;
        }
        let Some(rest) = &mut self.attention else { return Poll::Ready(Ok(())) };
        while !rest.is_empty() {
            let sent = ready!(self.link.poll_write(cx, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.drain(..sent);
        }
        ready!(self.link.poll_flush(cx))?;
        self.attention = None;
        Poll::Ready(Ok(()))
    }

    /// Hands on what of `answer` there is room for.
    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) {
        let length = self.answer.len().min(buf.remaining());
        let rest = self.answer.split_off(length);
        buf.put_slice(&std::mem::replace(&mut self.answer, rest));
    }
}

/// Where one packet ends and the next begins in what is read: the driver gets one at a time, so that nothing of the next
/// message is with it when that one is to be skipped.
#[derive(Default)]
struct Packets {
    header: Vec<u8>,
    /// Of the packet that is read.
    left: usize,
    /// The message has further packets.
    goes_on: bool,
    /// The end of the message as far as it is read.
    tail: Vec<u8>,
    /// An attention was sent, and this message, or the next one, acknowledges it.
    acknowledges: bool,
    /// The next message is thrown away.
    skips_next: bool,
    /// This one is.
    skips: bool,
    unread: Unread,
}

enum Link {
    Plain(TcpStream),
    Tls(Box<TlsStream<Framed<TcpStream>>>),
}

/// Agrees on encryption as `tls` demands it; `names` are what the certificate may be made out to, the first of them what
/// the server is asked for.
pub(super) async fn secure(mut stream: TcpStream, tls: &Tls, names: &[String]) -> Result<Wire, Error> {
    let ours = if tls.mode == TlsMode::Disable { encryption::NOT_SUPPORTED } else { encryption::ON };
    stream.write_all(&prelogin(ours)).await?;
    let answer = read_answer(&mut stream).await?;
    let theirs = encryption_in(&answer).ok_or_else(|| odd("its first answer says nothing of encryption"))?;
    let link = match (theirs, tls.mode) {
        (encryption::NOT_SUPPORTED, TlsMode::Disable | TlsMode::Allow | TlsMode::Prefer) => {
            Link::Plain(stream)
        }
        (encryption::NOT_SUPPORTED, _) => {
            return Err(Error::Tls("the server does not offer encryption, which the URL demands".into()));
        }
        (encryption::ON | encryption::REQUIRED, TlsMode::Disable) => {
            return Err(Error::Tls("the server demands encryption, which the URL forbids".into()));
        }
        (encryption::OFF, TlsMode::Disable) => Link::Plain(stream),
        // off: it would encrypt the login alone, had we not asked for more
        (encryption::OFF | encryption::ON | encryption::REQUIRED, _) => {
            Link::Tls(Box::new(shake_hands(stream, tls, names).await?))
        }
        _ => return Err(odd("it answers the question of encryption with an unknown word")),
    };
    let (packets, stop) = (Packets::default(), Arc::default());
    Ok(Wire { link, packets, answer, first: Some(Vec::new()), attention: None, stop })
}

fn odd(what: &str) -> Error {
    Error::Protocol(format!("what answers there does not speak SQL Server's protocol: {what}").into())
}

async fn shake_hands(
    stream: TcpStream,
    tls: &Tls,
    names: &[String],
) -> Result<TlsStream<Framed<TcpStream>>, Error> {
    let mut names = names.iter().filter_map(|name| ServerName::try_from(name.clone()).ok());
    let name = match names.next() {
        Some(name) => name,
        // which is looked at by nobody
        None if tls.mode < TlsMode::VerifyFull => ServerName::IpAddress(IpAddr::from([127, 0, 0, 1]).into()),
        None => {
            return Err(Error::Tls("the host is no name that a certificate could be made out to".into()));
        }
    };
    let config = verify::config(tls, names.collect()).map_err(Error::Tls)?;
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, Framed::new(stream));
    let mut secured = shaking.await.map_err(|error| match error.get_ref() {
        Some(cause) if cause.is::<rustls::Error>() => Error::Tls(cause.to_string()),
        _ if error.kind() == io::ErrorKind::UnexpectedEof => {
            Error::Tls("the server hung up while encryption was agreed on".into())
        }
        _ => error.into(),
    })?;
    secured.get_mut().0.stop_wrapping();
    Ok(secured)
}

/// Our PRELOGIN: version 0, this word on encryption, no instance, no thread, one statement at a time.
fn prelogin(word: u8) -> Vec<u8> {
    let options: [(u8, &[u8]); 5] = [(0, &[0; 6]), (1, &[word]), (2, &[0]), (3, &[0; 4]), (4, &[0])];
    let mut offset = u16::try_from(options.len() * 5 + 1).unwrap_or(u16::MAX);
    let (mut table, mut data) = (Vec::new(), Vec::<u8>::new());
    for (option, value) in options {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        table.push(option);
        table.extend(offset.to_be_bytes());
        table.extend(length.to_be_bytes());
        data.extend(value);
        offset += length;
    }
    table.push(0xff);
    table.extend(data);
    framing::message(PRELOGIN, &table)
}

/// One message, header included.
async fn read_answer(stream: &mut TcpStream) -> Result<Vec<u8>, Error> {
    let mut answer = vec![0; HEADER];
    stream.read_exact(&mut answer).await?;
    let length = usize::from(u16::from_be_bytes([answer[2], answer[3]]));
    // the type of every answer of a server's, in one piece
    if answer[0] != 4 || answer[1] & 1 == 0 || !(HEADER..=LONGEST_ANSWER).contains(&length) {
        return Err(odd("its first answer is none"));
    }
    answer.resize(length, 0);
    stream.read_exact(&mut answer[HEADER..]).await?;
    Ok(answer)
}

fn encryption_in(answer: &[u8]) -> Option<u8> {
    let body = answer.get(HEADER..)?;
    let mut options = body.chunks_exact(5).take_while(|option| option[0] != 0xff);
    let option = options.find(|option| option[0] == 1)?;
    body.get(usize::from(u16::from_be_bytes([option[1], option[2]]))).copied()
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_attention(cx))?;
        if !this.answer.is_empty() {
            this.hand_on(buf);
            return Poll::Ready(Ok(()));
        }
        let mut bytes = [0; 4096];
        loop {
            let packets = &mut this.packets;
            let begins = packets.left == 0;
            let missing = if begins { HEADER - packets.header.len() } else { packets.left };
            let room = if begins || packets.skips { missing } else { missing.min(buf.remaining()) };
            let mut part = ReadBuf::new(&mut bytes[..room.min(4096)]);
            ready!(this.link.poll_read(cx, &mut part))?;
            let read = part.filled();
            if read.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if begins {
                packets.header.extend(read);
                if packets.begin() {
                    this.answer = std::mem::take(&mut packets.header);
                    packets.ended(&this.stop);
                    this.hand_on(buf);
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            packets.left -= read.len();
            if !packets.skips {
                buf.put_slice(read);
                packets.remember(read, &this.stop);
                packets.ended(&this.stop);
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl Packets {
    /// Whether the header is whole, and its packet is not one to skip.
    fn begin(&mut self) -> bool {
        let [_, status, high, low, _, _, _, _] = self.header[..] else { return false };
        if !self.goes_on {
            self.skips = std::mem::take(&mut self.skips_next);
            self.tail.clear();
            self.unread.forget();
        }
        self.goes_on = status & 1 == 0;
        self.left = usize::from(u16::from_be_bytes([high, low])).saturating_sub(HEADER);
        if self.skips {
            self.header.clear();
        }
        !self.skips
    }

    fn remember(&mut self, read: &[u8], stop: &Stop) {
        if !stop.told() && self.unread.holds(read) {
            stop.told.store(true, Ordering::SeqCst);
        }
        self.tail.extend(&read[read.len().saturating_sub(DONE)..]);
        self.tail.drain(..self.tail.len().saturating_sub(DONE));
    }

    /// At the end of a message that may acknowledge an attention: if its last token does not, one of its own will.
    fn ended(&mut self, stop: &Stop) {
        if self.left > 0 || self.goes_on || !std::mem::take(&mut self.acknowledges) {
            return;
        }
        let acknowledged = matches!(self.tail[..], [0xfd..=0xff, status, ..] if self.tail.len() == DONE && status & 0x20 != 0);
        self.skips_next = !acknowledged;
        stop.late.store(!acknowledged, Ordering::SeqCst);
    }
}

impl Link {
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(first) = &mut self.first {
            let whole = |first: &[u8]| match first {
                [_, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])).max(HEADER),
                _ => HEADER,
            };
            let missing = whole(first).saturating_sub(first.len()).min(buf.len());
            first.extend(&buf[..missing]);
            if first.len() >= HEADER && first.len() >= whole(first) {
                self.first = None;
            }
            return Poll::Ready(Ok(missing));
        }
        self.link.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.link {
            Link::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Link::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_encryption_is_read() {
        for word in [encryption::OFF, encryption::ON, encryption::NOT_SUPPORTED] {
            assert_eq!(encryption_in(&prelogin(word)), Some(word));
        }
        let mut cut = prelogin(1);
        cut.truncate(HEADER + 5);
        assert_eq!(encryption_in(&cut), None);
        assert_eq!(encryption_in(&[]), None);
    }
}
