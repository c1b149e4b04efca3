//! One app by Heroku's Platform API: requests with the token, answers judged by their code. Never repeats a request by
//! itself, and sends the token to nobody else.

use std::time::Duration;

use http::HeaderMap;
use http::header::{ACCEPT, ETAG, IF_NONE_MATCH, RANGE, RETRY_AFTER};
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use url::Url;

use crate::model::secret::Secret;
use crate::status::rest::{ANSWER, Api, Failure, NoClient, Reply, clock, token, told};

/// Where Heroku itself answers.
pub const DEFAULT_API: &str = "https://api.heroku.com";
/// What Heroku's own CLI asks for: images are among a release's artifacts only there.
const VERSION: &str = "application/vnd.heroku+json; version=3.sdk";
/// What is read of an answer at most: ten releases or builds are a few kilobytes, and dynos are small.
const MOST: usize = 8 << 20;
/// An account has 4,500 requests and gets 75 a minute back; below this, its other users come first.
const SCARCE: i64 = 500;

/// One app.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    api: String,
    app: String,
    token: Secret,
}

impl Client {
    /// Connects to nothing yet. `app` is a name or an id.
    pub fn new(api: &str, app: &str, token: &Secret) -> Result<Self, NoClient> {
        let token = Secret::new(self::token(token.expose())?);
        let base: Url = api.parse().map_err(|_| NoClient::BadUrl)?;
        if !base.has_host() || !matches!(base.scheme(), "https" | "http") {
            return Err(NoClient::BadUrl);
        }
        // an error says that somebody else has chosen one, which is as good
        let _ = ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("bellwether/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(ANSWER)
            .timeout(ANSWER)
            .redirect(Policy::limited(3))
            .referer(false)
            .no_proxy()
            .build()
            .map_err(|_| NoClient::NoRoots)?;
        Ok(Self { http, api: api.trim_end_matches('/').to_owned(), app: app.to_owned(), token })
    }

    /// Which app.
    pub fn app(&self) -> &str {
        &self.app
    }

    /// The token, which nobody may see.
    pub(super) fn token(&self) -> &Secret {
        &self.token
    }

    /// For what is not the API's, and gets no token.
    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The page of one of the app's things.
    pub(super) fn page(&self, rest: &str) -> String {
        format!("/apps/{}/{rest}", self.app)
    }

    /// The page with the ten newest of a list.
    pub(super) fn newest(&self, list: &str, by: &str) -> String {
        format!("{} {by} ..; max=10, order=desc", self.page(list))
    }

    /// No body: it is too long. Should it hold the token, then starred out.
    async fn exchange(
        &self,
        page: &str,
        etag: Option<&str>,
    ) -> reqwest::Result<(u16, HeaderMap, Option<String>)> {
        let (path, range) = page.split_once(' ').unwrap_or((page, ""));
        let mut request = self.http.get(format!("{}{path}", self.api));
        request = request.header(ACCEPT, VERSION).bearer_auth(self.token.expose());
        if !range.is_empty() {
            request = request.header(RANGE, range);
        }
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let mut response = request.send().await?;
        let (code, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST {
                return Ok((code, headers, None));
            }
        }
        let body = String::from_utf8_lossy(&body).replace(self.token.expose(), "***");
        Ok((code, headers, Some(body)))
    }
}

/// A page's name is its path, and after a blank the range, if it is a list's.
impl Api for Client {
    async fn get(&self, page: &str, etag: Option<&str>) -> Result<Reply, Failure> {
        match self.exchange(page, etag).await {
            Ok((_, _, None)) => Err(Failure::Odd { what: format!("more than {} MB", MOST >> 20) }),
            Ok((code, headers, Some(body))) => {
                let path = page.split(' ').next().unwrap_or(page);
                judge(code, &headers, body, path)
            }
            Err(error) if error.is_timeout() => Err(Failure::silence(ANSWER)),
            // its address is no secret, and says nothing here
            Err(error) => Err(Failure::of(&error.without_url())),
        }
    }
}

/// What an answer means.
fn judge(code: u16, headers: &HeaderMap, body: String, path: &str) -> Result<Reply, Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let message = || told(&body);
    match code {
        200 | 206 | 304 => Ok(Reply {
            unchanged: code == 304,
            etag: text(ETAG.as_str()).map(str::to_owned),
            next: text("next-range").filter(|_| code == 206).map(|range| format!("{path} {range}")),
            now: clock(headers),
            exhausted: None,
            scarce: text("ratelimit-remaining")
                .and_then(|left| left.trim().parse::<i64>().ok())
                .is_some_and(|left| left < SCARCE),
            body,
        }),
        429 => {
            let asked = text(RETRY_AFTER.as_str()).and_then(|wait| wait.trim().parse().ok());
            Err(Failure::limited(asked.map(Duration::from_secs)))
        }
        401 => Err(Failure::Unauthorized { message: message() }),
        // 402: the account's bills are not paid
        402 | 403 => Err(Failure::Forbidden { message: message() }),
        404 => Err(Failure::NotFound),
        500.. => Err(Failure::Unavailable { status: code }),
        _ => Err(Failure::Odd { what: code.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, headers: &[(&'static str, &str)]) -> Result<Reply, Failure> {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        judge(code, &headers, r#"{"id": "x", "message": "no"}"#.to_owned(), "/apps/shop-web/releases")
    }

    #[test]
    fn a_rate_limit_says_how_long_or_a_minute_is_waited() {
        let wait = |headers: &[(&'static str, &str)]| match answer(429, headers).err() {
            Some(Failure::RateLimited { wait }) => wait.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(&[("retry-after", "7")]), 7);
        assert_eq!(wait(&[]), 60);
        // neither a storm of requests nor a moment that there is not
        assert_eq!(wait(&[("retry-after", "0")]), 1);
        assert_eq!(wait(&[("retry-after", "18446744073709551615")]), 365 * 24 * 60 * 60);
        assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")]), 60);
        let scarce = |left| answer(200, &[("ratelimit-remaining", left)]).ok().unwrap().scarce;
        assert!(scarce("0") && scarce("499") && !scarce("500") && !scarce("many"));
    }

    #[test]
    fn the_next_page_is_the_same_list_from_there_on() {
        let next = |code| answer(code, &[("next-range", "version ]41..; max=10")]).ok().unwrap().next;
        assert_eq!(next(206).as_deref(), Some("/apps/shop-web/releases version ]41..; max=10"));
        assert_eq!(next(200), None);
    }

    #[test]
    fn refusals_carry_what_it_says() {
        let message = "no".to_owned();
        assert_eq!(answer(401, &[]).err(), Some(Failure::Unauthorized { message: message.clone() }));
        assert_eq!(answer(402, &[]).err(), Some(Failure::Forbidden { message: message.clone() }));
        assert_eq!(answer(403, &[]).err(), Some(Failure::Forbidden { message }));
        assert_eq!(answer(404, &[]).err(), Some(Failure::NotFound));
        assert_eq!(answer(503, &[]).err(), Some(Failure::Unavailable { status: 503 }));
        assert_eq!(answer(418, &[]).err(), Some(Failure::Odd { what: "418".to_owned() }));
    }

    #[test]
    fn nothing_shows_the_token_and_odd_addresses_are_refused() {
        let client = |api: &str| Client::new(api, "shop-web", &Secret::new("HRKU-s3cret"));
        let shown = format!("{:?}", client(DEFAULT_API).unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
        for odd in ["heroku.example", "ftp://heroku.example", "https://", "mailto:x"] {
            assert_eq!(client(odd).err(), Some(NoClient::BadUrl), "{odd}");
        }
    }
}
