//! One repository's Deployments over HTTP: requests with the token, answers judged by their code. Never repeats a request
//! by itself: what may be sent twice, and when, is known only to who sends it.

use std::time::Duration;

use http::header::{ETAG, IF_NONE_MATCH, LINK, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Uri};
use octocrab::Octocrab;
use octocrab::service::middleware::retry::RetryConfig;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::timeout;

use crate::model::repository::Repository;
use crate::model::secret::Secret;
use crate::status::github::TASK;
use crate::status::rest::{ANSWER, Api, Failure, NoClient, Reply, clock, token, told};

/// Where GitHub itself answers; an Enterprise server's address comes from `GITHUB_API_URL`.
pub const DEFAULT_API: &str = "https://api.github.com";

/// One repository on one GitHub.
#[derive(Clone, Debug)]
pub struct Client {
    octocrab: Octocrab,
    repository: Repository,
}

impl Client {
    /// Connects to nothing yet. Must be called inside a runtime.
    pub fn new(api: &str, repository: Repository, token: &Secret) -> Result<Self, NoClient> {
        let token = self::token(token.expose())?;
        let base: Uri = api.trim_end_matches('/').parse().map_err(|_| NoClient::BadUrl)?;
        if base.authority().is_none() || !matches!(base.scheme_str(), Some("https" | "http")) {
            return Err(NoClient::BadUrl);
        }
        let agent = format!("bellwether/{}", env!("CARGO_PKG_VERSION"));
        let octocrab = Octocrab::builder()
            .base_uri(base)
            .map_err(|_| NoClient::BadUrl)?
            .personal_token(token.to_owned())
            // its default sends a POST four times
            .add_retry_config(RetryConfig::None)
            .set_connect_timeout(Some(ANSWER))
            .add_header(USER_AGENT, agent)
            .build()
            .map_err(|_| NoClient::NoRoots)?;
        Ok(Self { octocrab, repository })
    }

    /// Which repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The path of one of the repository's things.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/repos/{}/{}/{rest}", self.repository.owner, self.repository.name)
    }

    /// The path of the hundred newest of our deployments in an environment.
    pub(super) fn deployments_of(&self, environment: &str) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (task, environment) = (encode(TASK), encode(environment));
        self.path(&format!("deployments?task={task}&environment={environment}&per_page=100"))
    }

    /// Sends once.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Reply, Failure> {
        self.answered(async {
            let response = self.octocrab._post(path, Some(body)).await?;
            let (code, headers) = (response.status().as_u16(), response.headers().clone());
            Ok((code, headers, self.octocrab.body_to_string(response).await?))
        })
        .await
    }

    async fn answered(
        &self,
        exchange: impl Future<Output = octocrab::Result<(u16, HeaderMap, String)>>,
    ) -> Result<Reply, Failure> {
        match timeout(ANSWER, exchange).await {
            Ok(Ok((code, headers, body))) => judge(code, &headers, body),
            Ok(Err(error)) => Err(Failure::of(&error)),
            Err(_) => Err(Failure::silence(ANSWER)),
        }
    }
}

/// A page's name is its path and query.
impl Api for Client {
    async fn get(&self, path: &str, etag: Option<&str>) -> Result<Reply, Failure> {
        self.answered(async {
            let mut headers = HeaderMap::new();
            if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
                headers.insert(IF_NONE_MATCH, etag);
            }
            let response = self.octocrab._get_with_headers(path, Some(headers)).await?;
            let (code, headers) = (response.status().as_u16(), response.headers().clone());
            Ok((code, headers, self.octocrab.body_to_string(response).await?))
        })
        .await
    }
}

/// What an answer means.
fn judge(code: u16, headers: &HeaderMap, body: String) -> Result<Reply, Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let now = clock(headers);
    let number = |name: &str| text(name).and_then(|value| value.trim().parse::<i64>().ok());
    let spent = number("x-ratelimit-remaining") == Some(0);
    let until_reset = number("x-ratelimit-reset").filter(|_| spent).map(|reset| {
        let left = reset.saturating_mul(1000).saturating_sub(now).max(0).unsigned_abs();
        Duration::from_millis(left) + Duration::from_secs(1)
    });
    let message = || told(&body);
    let limited = code == 429
        || code == 403 && (spent || headers.contains_key(RETRY_AFTER) || message().contains("rate limit"));
    match code {
        _ if limited => {
            let asked = number(RETRY_AFTER.as_str()).and_then(|wait| u64::try_from(wait).ok());
            Err(Failure::limited(asked.map(Duration::from_secs).or(until_reset)))
        }
        200 | 201 | 304 => Ok(Reply {
            unchanged: code == 304,
            etag: text(ETAG.as_str()).map(str::to_owned),
            next: text(LINK.as_str()).and_then(next),
            now,
            exhausted: until_reset,
            scarce: false,
            body,
        }),
        202 => Err(Failure::Merged { message: message() }),
        401 => Err(Failure::Unauthorized { message: message() }),
        403 => Err(Failure::Forbidden { message: message() }),
        404 => Err(Failure::NotFound),
        409 => Err(Failure::Conflict { message: message() }),
        422 => Err(Failure::Unprocessable { message: message() }),
        500.. => Err(Failure::Unavailable { status: code }),
        _ => Err(Failure::Odd { what: code.to_string() }),
    }
}

/// Path and query of `<…>; rel="next"`. The host is left out: the token goes to no other one.
fn next(links: &str) -> Option<String> {
    let link = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    let address = link.trim().strip_prefix('<')?.split_once('>')?.0;
    let uri: Uri = address.parse().ok()?;
    uri.path_and_query().map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, headers: &[(&'static str, &str)], message: &str) -> Result<Reply, Failure> {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        judge(code, &headers, format!(r#"{{"message": "{message}"}}"#))
    }

    fn wait(code: u16, headers: &[(&'static str, &str)], message: &str) -> Option<u64> {
        match answer(code, headers, message).err() {
            Some(Failure::RateLimited { wait }) => Some(wait.as_secs()),
            _ => None,
        }
    }

    const NINE: (&str, &str) = ("date", "Sat, 21 Nov 2026 09:00:00 GMT");

    #[test]
    fn rate_limits_say_how_long_in_their_own_ways() {
        let spent = ("x-ratelimit-remaining", "0");
        // half past nine
        let reset = ("x-ratelimit-reset", "1795253400");
        assert_eq!(wait(429, &[("retry-after", "7")], ""), Some(7));
        assert_eq!(wait(403, &[NINE, spent, reset, ("retry-after", "7")], ""), Some(7));
        assert_eq!(wait(403, &[NINE, spent, reset], "API rate limit exceeded"), Some(1801));
        assert_eq!(wait(403, &[], "You have exceeded a secondary rate limit"), Some(60));
        assert_eq!(wait(429, &[], ""), Some(60));
        assert_eq!(wait(403, &[("x-ratelimit-remaining", "17"), reset], "Resource not accessible"), None);
        let last = answer(200, &[NINE, spent, reset], "").ok().unwrap();
        assert_eq!(last.exhausted, Some(Duration::from_secs(1801)));
        assert_eq!(last.now, 1_795_251_600_000);
    }

    #[test]
    fn the_next_page_is_looked_for_on_the_same_host() {
        let links = "<https://api.github.com/repositories/1/deployments?task=x%3Ay&page=2>; rel=\"next\", \
                     <https://api.github.com/repositories/1/deployments?page=9>; rel=\"last\"";
        assert_eq!(next(links).as_deref(), Some("/repositories/1/deployments?task=x%3Ay&page=2"));
        assert_eq!(next("<https://api.github.com/x?page=1>; rel=\"prev\""), None);
        assert_eq!(next("nonsense"), None);
    }

    #[tokio::test]
    async fn nothing_shows_the_token() {
        let token = Secret::new("ghs_s3cret");
        let shown = format!("{:?}", Client::new(DEFAULT_API, "acme/shop".parse().unwrap(), &token).unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
