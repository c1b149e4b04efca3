//! TDS's packets round a TLS handshake, and nothing once it is over.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes in front of a packet's content: type, status, length (two bytes, with these eight), session, number, window.
pub(in crate::database::sqlserver) const HEADER: usize = 8;
/// The type of the message that opens a conversation.
pub(super) const PRELOGIN: u8 = 0x12;
/// How much a packet holds before anything else is agreed on.
const CONTENT: usize = 4096 - HEADER;
/// The status of a message's last packet.
const LAST: u8 = 1;

/// A whole message in packets.
pub(in crate::database::sqlserver) fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(content.len() + HEADER);
    let mut packets = content.chunks(CONTENT).peekable();
    let mut number = 1_u8;
    while let Some(packet) = packets.next() {
        let length = u16::try_from(packet.len() + HEADER).unwrap_or(u16::MAX).to_be_bytes();
        let status = if packets.peek().is_none() { LAST } else { 0 };
        message.extend([kind, status, length[0], length[1], 0, 0, number, 0]);
        message.extend(packet);
        number = number.wrapping_add(1);
    }
    message
}

/// A stream that wraps what is written, and unwraps what is read, until it is told to stop.
pub(in crate::database::sqlserver) struct Framed<S> {
    stream: S,
    wraps: bool,
    /// Written, and not in a packet yet: a flight of the handshake is one message.
    flight: Vec<u8>,
    /// In packets, and not sent yet.
    outgoing: Vec<u8>,
    /// The header of the packet that is read, as far as it is there.
    header: Vec<u8>,
    /// How much of its content is still to come.
    left: usize,
}

impl<S> Framed<S> {
    pub(in crate::database::sqlserver) fn new(stream: S) -> Self {
        Self { stream, wraps: true, flight: Vec::new(), outgoing: Vec::new(), header: Vec::new(), left: 0 }
    }

    /// The handshake is over.
    pub(in crate::database::sqlserver) fn stop_wrapping(&mut self) {
        self.wraps = false;
    }
}

impl<S: AsyncWrite + Unpin> Framed<S> {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.flight.is_empty() {
            self.outgoing.extend(message(PRELOGIN, &std::mem::take(&mut self.flight)));
        }
        while !self.outgoing.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outgoing))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.drain(..sent);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Framed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.wraps {
            ready!(this.poll_send(cx))?;
            while this.left == 0 {
                let mut bytes = [0; HEADER];
                let mut header = ReadBuf::new(&mut bytes[this.header.len()..]);
                ready!(Pin::new(&mut this.stream).poll_read(cx, &mut header))?;
                if header.filled().is_empty() {
                    return Poll::Ready(Ok(()));
                }
                this.header.extend(header.filled());
                if let [kind, _, high, low, _, _, _, _] = this.header[..] {
                    this.left = usize::from(u16::from_be_bytes([high, low])).saturating_sub(HEADER);
                    this.header.clear();
                    // servers answer with either type
                    if kind != PRELOGIN && kind != 4 {
                        return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                    }
                }
            }
        }
        if !this.wraps {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        let mut bytes = [0; CONTENT];
        let length = this.left.min(buf.remaining()).min(CONTENT);
        let mut part = ReadBuf::new(&mut bytes[..length]);
        ready!(Pin::new(&mut this.stream).poll_read(cx, &mut part))?;
        buf.put_slice(part.filled());
        this.left -= part.filled().len();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Framed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if !self.wraps {
            ready!(self.poll_send(cx))?;
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        }
        self.flight.extend(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn a_flight_is_one_message_and_after_the_handshake_there_are_none() {
        let (ours, mut theirs) = duplex(64 * 1024);
        let mut framed = Framed::new(ours);
        framed.write_all(b"hello ").await.expect("room");
        framed.write_all(b"server").await.expect("room");
        framed.flush().await.expect("room");
        let mut sent = vec![0; HEADER + 12];
        theirs.read_exact(&mut sent).await.expect("a message");
        assert_eq!(sent, message(PRELOGIN, b"hello server"));
        // an answer in two packets, the second header cut in two
        let mut answer = message(4, b"hello ");
        answer.extend(message(PRELOGIN, b"client"));
        theirs.write_all(&answer[..HEADER + 8]).await.expect("room");
        let mut read = vec![0; 6];
        framed.read_exact(&mut read).await.expect("the first part");
        assert_eq!(read, b"hello ");
        theirs.write_all(&answer[HEADER + 8..]).await.expect("room");
        framed.read_exact(&mut read).await.expect("the second part");
        assert_eq!(read, b"client");
        framed.stop_wrapping();
        framed.write_all(b"plain").await.expect("room");
        let mut plain = vec![0; 5];
        theirs.read_exact(&mut plain).await.expect("what was sent");
        assert_eq!(plain, b"plain");
    }

    #[test]
    fn long_content_is_cut_into_packets_of_which_the_last_says_so() {
        let long = vec![7; CONTENT + 1];
        let message = message(PRELOGIN, &long);
        assert_eq!(message.len(), long.len() + 2 * HEADER);
        assert_eq!((message[1], message[4096 + 1], message[6], message[4096 + 6]), (0, LAST, 1, 2));
    }
}
