//! As much of HTTP as one request and one answer need.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bellwether::model::ids::hex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub struct Request {
    pub method: String,
    /// With the query.
    pub path: String,
    pub token: Option<String>,
    pub tag: Option<String>,
    pub range: Option<String>,
    pub accept: Option<String>,
    pub body: Value,
}

impl Request {
    /// A parameter of the query, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let query = self.path.split_once('?')?.1;
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

pub fn read(stream: &mut TcpStream) -> Option<Request> {
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut request =
        Request { method, path, token: None, tag: None, range: None, accept: None, body: Value::Null };
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "authorization" => request.token = value.strip_prefix("Bearer ").map(str::to_owned),
            "if-none-match" => request.tag = Some(value.to_owned()),
            "range" => request.range = Some(value.to_owned()),
            "accept" => request.accept = Some(value.to_owned()),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = serde_json::from_slice(&body).unwrap_or_default();
    Some(request)
}

pub struct Answer {
    pub code: u16,
    pub headers: Vec<(String, String)>,
    pub body: Value,
    /// Plain text in place of the body.
    pub stream: Option<Stream>,
}

/// Text that comes bit by bit.
#[derive(Clone, Debug)]
pub struct Stream {
    pub text: String,
    pub then: Then,
}

/// How a stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It ends.
    End,
    /// The connection breaks.
    Break,
    /// Nothing more comes, and it does not end.
    Silence,
    /// The same again, for ever.
    Again,
}

/// After which a stream that never ends does.
const FOR_EVER: Duration = Duration::from_secs(60);

impl Answer {
    pub fn of(code: u16, body: Value) -> Self {
        Self { code, headers: Vec::new(), body, stream: None }
    }

    /// A stream of text.
    pub fn stream(stream: Stream) -> Self {
        Self { stream: Some(stream), ..Self::of(200, Value::Null) }
    }

    /// As GitHub explains itself.
    pub fn message(code: u16, message: &str) -> Self {
        let status = code.to_string();
        let documentation_url = "https://docs.github.com/rest/deployments/deployments";
        Self::of(
            code,
            json!({ "message": message, "documentation_url": documentation_url, "status": status }),
        )
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn limited(self, left: i64, reset: i64) -> Self {
        self.header("x-ratelimit-limit", "1000")
            .header("x-ratelimit-remaining", left.max(0).to_string())
            .header("x-ratelimit-reset", reset.to_string())
    }

    fn tag(&self) -> String {
        format!("W/\"{}\"", hex(&Sha256::digest(self.body.to_string())))
    }

    /// Who asks has it already.
    pub fn is_unchanged(&self, request: &Request) -> bool {
        matches!(self.code, 200 | 206) && request.method == "GET" && request.tag.as_ref() == Some(&self.tag())
    }
}

/// Gives the code that was sent.
pub fn write(stream: &mut TcpStream, request: &Request, answer: Answer) -> u16 {
    if let Some(text) = &answer.stream {
        send(stream, text);
        return answer.code;
    }
    let unchanged = answer.is_unchanged(request);
    let code = if unchanged { 304 } else { answer.code };
    let body = if unchanged { String::new() } else { answer.body.to_string() };
    let mut head = format!("HTTP/1.1 {code} X\r\ndate: {}\r\nconnection: close\r\n", date());
    if matches!(answer.code, 200 | 206) {
        head += &format!("etag: {}\r\n", answer.tag());
    }
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !unchanged {
        head +=
            &format!("content-type: application/json; charset=utf-8\r\ncontent-length: {}\r\n", body.len());
    }
    // who asked may be gone
    let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
    code
}

/// In pieces, so that its end is an end and not a broken connection.
fn send(to: &mut TcpStream, stream: &Stream) {
    let until = Instant::now() + FOR_EVER;
    let piece = format!("{:x}\r\n{}\r\n", stream.text.len(), stream.text);
    let head = "HTTP/1.1 200 X\r\nconnection: close\r\ntransfer-encoding: chunked\r\ncontent-type: text/plain\r\n\r\n";
    let mut sent = to.write_all(head.as_bytes());
    if !stream.text.is_empty() {
        sent = sent.and_then(|()| to.write_all(piece.as_bytes()));
    }
    match stream.then {
        Then::End => drop(to.write_all(b"0\r\n\r\n")),
        Then::Break => {}
        Then::Silence => {
            // until who asked has gone
            let _ = to.set_read_timeout(Some(FOR_EVER));
            let _ = to.read(&mut [0]);
        }
        Then::Again => {
            while sent.is_ok() && Instant::now() < until {
                sent = to.write_all(piece.as_bytes());
            }
        }
    }
}

/// Seconds since 1970.
pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// Now, in RFC 3339's form.
pub fn moment() -> String {
    chrono::DateTime::from_timestamp(now(), 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// As the header has it.
fn date() -> String {
    chrono::DateTime::from_timestamp(now(), 0).unwrap().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
