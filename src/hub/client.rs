//! Asking the hub over HTTP.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};
use std::time::Duration;

use serde::Deserialize;
use ureq::http::header::{self, HeaderMap, HeaderValue};
use ureq::http::{Method, Request, Response, StatusCode, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};

use super::address::{is_loopback, is_same_host, target};
use super::attempts::Attempts;
use super::repo::{is_commit, is_plain};
use super::{Hub, Problem, Repo};

/// The hub, as one download sees it.
pub(super) struct Client<'a> {
    agent: Agent,
    hub: &'a Hub,
    repo: &'a Repo,
    /// What the endpoint and the token become in a request.
    start: Uri,
    authorization: Option<HeaderValue>,
}

/// A revision of a repository.
pub(super) struct Listing {
    pub commit: String,
    pub files: BTreeSet<String>,
}

/// What the hub knows of one file.
pub(super) struct Meta {
    /// Names the content: its sha256 where the hub keeps it as a large file, else another hash.
    pub etag: String,
    pub size: u64,
}

/// The rest of a file.
pub(super) struct Part {
    /// The first byte's place in the file: 0 if the server does not do parts.
    pub first: u64,
    pub body: Box<dyn Read>,
}

const REDIRECTS: usize = 10;
/// Far above any listing.
const LISTING_BYTES: u64 = 64 << 20;

impl<'a> Client<'a> {
    pub fn new(hub: &'a Hub, repo: &'a Repo) -> Result<Self, Problem> {
        let start = (hub.endpoint.parse().ok())
            .filter(|uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")))
            .ok_or(Problem::Setting {
                variable: "HF_ENDPOINT",
                expected: "the address of a server, https://…",
            })?;
        let bearer = hub.token.as_ref().map(|token| format!("Bearer {token}"));
        let authorization = bearer.map(HeaderValue::try_from).transpose();
        let authorization = authorization.map_err(|_| Problem::Setting {
            variable: "HF_TOKEN",
            expected: "a token in one line",
        })?;
        // No proxy leads back to this machine.
        let proxy = Proxy::try_from_env().filter(|_| !is_loopback(&start));
        // Companies that look into TLS have certificates that this machine alone knows.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let config = Agent::config_builder()
            .user_agent(concat!("vcoca-gpu/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .max_redirects(0) // followed by hand, for the token's sake
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(hub.patience))
            .timeout_per_read(Some(hub.patience))
            .tls_config(tls.build())
            .proxy(proxy)
            .build();
        Ok(Self {
            agent: config.new_agent(),
            hub,
            repo,
            start,
            authorization,
        })
    }

    /// Looks up what the revision is now.
    pub fn listing(&self) -> Result<Listing, Problem> {
        self.insist(|| self.ask_listing())
    }

    /// Asks about one file.
    pub fn meta(&self, commit: &str, file: &str) -> Result<Meta, Problem> {
        self.insist(|| self.ask_meta(commit, file))
    }

    /// Asks again if the connection broke. (Silence has taken long enough.)
    fn insist<T>(&self, ask: impl Fn() -> Result<T, Problem>) -> Result<T, Problem> {
        let mut attempts = Attempts::default();
        loop {
            match ask() {
                Err(broken @ Problem::Interrupted { .. }) => attempts.wait_after(broken)?,
                outcome => return outcome,
            }
        }
    }

    fn ask_listing(&self) -> Result<Listing, Problem> {
        #[derive(Deserialize)]
        struct Info {
            sha: String,
            siblings: Vec<Sibling>,
        }
        #[derive(Deserialize)]
        struct Sibling {
            rfilename: String,
        }
        let url = format!(
            "{}/api/models/{}/revision/{}",
            self.hub.endpoint,
            self.repo.id(),
            self.repo.revision().replace('/', "%2F"),
        );
        let body = self.send(Method::GET, &url, None)?.into_body();
        let json = body.into_with_config().limit(LISTING_BYTES).read_to_vec();
        let json = json.map_err(|error| self.lost(error))?;
        let info: Info = serde_json::from_slice(&json)
            .map_err(|e| answer(&url, format!("expected a model's description, found {e}")))?;
        if !is_commit(&info.sha) {
            let problem = format!("expected a commit, found {:?}", info.sha);
            return Err(answer(&url, problem));
        }
        Ok(Listing {
            commit: info.sha,
            files: info.siblings.into_iter().map(|s| s.rfilename).collect(),
        })
    }

    fn ask_meta(&self, commit: &str, file: &str) -> Result<Meta, Problem> {
        let url = self.url(commit, file);
        let response = self.send(Method::HEAD, &url, None)?;
        let headers = response.headers();
        let either = |linked, plain| text(headers, linked).or_else(|| text(headers, plain));
        let etag = either("x-linked-etag", "etag")
            .map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned())
            .filter(|etag| is_plain(etag))
            .ok_or_else(|| answer(&url, "expected an ETag that names the content".into()))?;
        let size = either("x-linked-size", "content-length")
            .and_then(|size| size.parse().ok())
            .ok_or_else(|| answer(&url, "expected the file's size".into()))?;
        Ok(Meta { etag, size })
    }

    /// Asks for a file from byte `first` on.
    pub fn part(&self, commit: &str, file: &str, first: u64) -> Result<Part, Problem> {
        let url = self.url(commit, file);
        let response = self.send(Method::GET, &url, Some(first))?;
        let partial = response.status() == StatusCode::PARTIAL_CONTENT;
        let range = text(response.headers(), "content-range").unwrap_or_default();
        if partial && !range.starts_with(&format!("bytes {first}-")) {
            let problem = format!("expected the bytes from {first} on, found {range:?}");
            return Err(answer(&url, problem));
        }
        Ok(Part {
            first: if partial { first } else { 0 },
            body: Box::new(response.into_body().into_reader()),
        })
    }

    /// An answer that began and did not end.
    pub fn interrupted(&self, reason: impl ToString) -> Problem {
        Problem::Interrupted {
            endpoint: self.hub.endpoint.clone(),
            reason: reason.to_string(),
        }
    }

    /// No answer.
    fn lost(&self, error: ureq::Error) -> Problem {
        use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        match error {
            ureq::Error::Io(error)
                if let BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof =
                    error.kind() =>
            {
                self.interrupted(error)
            }
            error => Problem::Unreachable {
                endpoint: self.hub.endpoint.clone(),
                reason: error.to_string(),
            },
        }
    }

    fn url(&self, commit: &str, file: &str) -> String {
        let Self { hub, repo, .. } = self;
        format!("{}/{}/resolve/{commit}/{file}", hub.endpoint, repo.id())
    }

    /// Sends a request and follows it wherever it is sent on to. A HEAD does not follow to other
    /// hosts: what the hub says of a file is in its own answer, not in that of the store behind it.
    fn send(
        &self,
        method: Method,
        url: &str,
        first: Option<u64>,
    ) -> Result<Response<Body>, Problem> {
        let invalid = |error: &dyn ToString| answer(url, error.to_string());
        let mut uri: Uri = url.parse().map_err(|error| invalid(&error))?;
        for _ in 0..REDIRECTS {
            let mut request = Request::builder()
                .method(&method)
                .uri(&uri)
                // Sizes and ranges are those of the file, not of what a server compressed.
                .header(header::ACCEPT_ENCODING, "identity");
            if let Some(token) = &self.authorization
                && is_same_host(&self.start, &uri)
            {
                request = request.header(header::AUTHORIZATION, token);
            }
            if let Some(first) = first.filter(|first| *first > 0) {
                request = request.header(header::RANGE, format!("bytes={first}-"));
            }
            let request = request.body(()).map_err(|error| invalid(&error))?;
            let response = self.agent.run(request).map_err(|error| self.lost(error))?;
            if !response.status().is_redirection() {
                return self.check(response, url);
            }
            let location = text(response.headers(), "location").unwrap_or_default();
            let next = target(&uri, &location)
                .ok_or_else(|| answer(url, format!("redirects to {location:?}")))?;
            if method == Method::HEAD && !is_same_host(&self.start, &next) {
                return Ok(response);
            }
            uri = next;
        }
        Err(answer(url, "redirects without end".into()))
    }

    fn check(&self, response: Response<Body>, url: &str) -> Result<Response<Body>, Problem> {
        let status = response.status();
        let (hub, repo) = (self.hub, self.repo);
        let said = text(response.headers(), "x-error-message");
        match status {
            _ if status.is_success() => Ok(response),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Problem::Refused {
                status: status.as_u16(),
                said: said.unwrap_or_else(|| "without saying why".into()),
                page: format!("{}/{}", hub.endpoint, repo.id()),
                token: hub.token.is_some(),
            }),
            StatusCode::NOT_FOUND => {
                let code = text(response.headers(), "x-error-code");
                let what = match code.as_deref() {
                    Some("RepoNotFound") => "such repository".into(),
                    Some("RevisionNotFound") => format!("revision {}", repo.revision()),
                    Some("EntryNotFound") => "such file".into(),
                    _ => "such repository, revision or file".into(),
                };
                let url = url.to_owned();
                Err(Problem::NotFound { what, url })
            }
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                let usual = || status.canonical_reason().unwrap_or("unknown").to_owned();
                Err(Problem::Busy {
                    status: status.as_u16(),
                    said: said.unwrap_or_else(usual),
                })
            }
            _ => Err(answer(url, format!("answers {status}"))),
        }
    }
}

fn answer(url: &str, problem: String) -> Problem {
    let url = url.to_owned();
    Problem::Answer { url, problem }
}

/// A header of visible characters alone.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}
