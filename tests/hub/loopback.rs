//! A server in the form of Hugging Face's hub, with the store that its large files come from. It
//! remembers what it was asked, and fails where it is told to.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use sha2::{Digest, Sha256};

/// A hub on this machine. Its threads end with the process.
pub struct Loopback {
    /// What `HF_ENDPOINT` would be.
    pub endpoint: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    repos: HashMap<String, Repo>,
    /// By their hash.
    large: HashMap<String, Vec<u8>>,
    store: String,
    token: Option<String>,
    /// The status that everything is answered with.
    down: Option<&'static str>,
    faults: VecDeque<Fault>,
    seen: Vec<Seen>,
}

#[derive(Default)]
struct Repo {
    /// The last one is `main`.
    commits: Vec<(String, BTreeMap<String, Vec<u8>>)>,
}

/// What goes wrong with one request, and with which.
#[derive(Clone, Copy)]
pub enum Fault {
    /// The hub closes the connection to the next request of this method without an answer.
    HangUp(&'static str),
    /// The hub says that `main` is at this commit.
    Commit(&'static str),
    /// The hub says that a file has this ETag.
    Etag(&'static str),
    /// The hub says that a file is there instead.
    Redirect(&'static str),
    // The others happen to the next file that the store is asked for.
    /// Closes the connection after so many bytes.
    Cut(usize),
    /// Sends so many bytes and then nothing more.
    Stall(usize),
    /// Turns one bit.
    Spoil,
    /// Sends the whole file, whatever part was asked for.
    IgnoreRange,
    /// Sends another part than that which was asked for.
    WrongRange,
}

/// Whoever is sent here is sent here again.
pub const LOOP: &str = "/loop";

/// One request.
#[derive(Clone, Debug)]
pub struct Seen {
    /// By the store, not by the hub itself.
    pub store: bool,
    pub method: String,
    pub path: String,
    pub range: Option<String>,
    pub authorization: Option<String>,
}

impl Loopback {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let endpoint = serve(false, &state);
        let store = serve(true, &state);
        state.lock().unwrap().store = store;
        Self { endpoint, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Publishes `files` as a new commit of `main`, and returns the commit.
    pub fn publish(&self, repo: &str, files: &[(&str, &[u8])]) -> String {
        let mut state = self.state();
        let mut all = Sha256::new();
        for (name, bytes) in files {
            all.update(name);
            all.update(bytes);
            if is_large(name) {
                state.large.insert(sha256(bytes), bytes.to_vec());
            }
        }
        let commit = hex(&all.finalize())[..40].to_owned();
        let files = files.iter().map(|(n, b)| (n.to_string(), b.to_vec()));
        let repo = state.repos.entry(repo.to_owned()).or_default();
        repo.commits.push((commit.clone(), files.collect()));
        commit
    }

    /// From now on answers only requests with this token.
    pub fn demand(&self, token: &str) {
        self.state().token = Some(token.to_owned());
    }

    /// From now on answers with this status and nothing else.
    pub fn break_down(&self, status: &'static str) {
        self.state().down = Some(status);
    }

    /// Does this to the next request that it can happen to, after the faults that were asked before.
    pub fn fail(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// What was asked since this was last called.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state().seen)
    }

    /// Of that, what was asked of the store.
    pub fn seen_by_store(&self) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|seen| seen.store);
        seen
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the hub leaves to its store.
fn is_large(name: &str) -> bool {
    name.ends_with(".safetensors") || name.ends_with(".bin")
}

/// Listens on a port of its own, and returns where.
fn serve(store: bool, state: &Arc<Mutex<State>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let state = state.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = state.clone();
            thread::spawn(move || answer(stream, store, &state));
        }
    });
    address
}

/// A status, further headers, and a body.
struct Answer(&'static str, String, Vec<u8>);

/// Reads one request and answers it. Who asks may be gone before the end.
fn answer(stream: TcpStream, store: bool, state: &Mutex<State>) -> Option<()> {
    let reader = BufReader::new(stream.try_clone().ok()?);
    answer_next(stream, reader, store, state)
}

fn answer_next(
    mut stream: TcpStream,
    mut reader: BufReader<TcpStream>,
    store: bool,
    shared: &Mutex<State>,
) -> Option<()> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let mut headers = lines.iter().filter_map(|line| line.split_once(": "));
        let found = headers.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned())
    };
    let mut words = lines.first()?.split(' ');
    let seen = Seen {
        store,
        method: words.next()?.to_owned(),
        path: words.next()?.to_owned(),
        range: header("range"),
        authorization: header("authorization"),
    };
    let (Answer(status, headers, body), fault) = {
        let mut state = shared.lock().unwrap();
        state.seen.push(seen.clone());
        if seen.method == "CONNECT" {
            // As a proxy: what is not the store is the hub, whatever its name.
            let store = state.store.ends_with(&seen.path);
            drop(state);
            write!(stream, "HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
            return answer_next(stream, reader, store, shared);
        }
        let fault = state.faults.pop_front_if(|fault| fault.happens_to(&seen));
        let answer = match store {
            true => state.answer_as_store(&seen, fault),
            false => state.answer_as_hub(&seen, fault),
        };
        (answer.unwrap_or_else(|error| error), fault)
    };
    let length = match headers.contains("Content-Length") {
        true => String::new(),
        false => format!("Content-Length: {}\r\n", body.len()),
    };
    if let Some(Fault::HangUp(_)) = fault {
        return None;
    }
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}{length}Connection: close\r\n\r\n"
    )
    .ok()?;
    if seen.method == "HEAD" {
        return None;
    }
    match fault {
        Some(Fault::Cut(bytes)) => stream.write_all(&body[..bytes]).ok(),
        Some(Fault::Stall(bytes)) => {
            stream.write_all(&body[..bytes]).ok()?;
            // Until the other side has gone.
            reader.read(&mut [0]).ok().map(|_| ())
        }
        _ => stream.write_all(&body).ok(),
    }
}

impl State {
    fn answer_as_hub(&self, seen: &Seen, fault: Option<Fault>) -> Result<Answer, Answer> {
        let error = |status, code: &str, message: &str| {
            let headers = format!("X-Error-Code: {code}\r\nX-Error-Message: {message}\r\n");
            Answer(status, headers, Vec::new())
        };
        if let Some(status) = self.down {
            return Err(Answer(status, String::new(), Vec::new()));
        }
        if let Some(token) = &self.token
            && seen.authorization.as_ref() != Some(&format!("Bearer {token}"))
        {
            let message = "Access to this model is restricted.";
            return Err(error("401 Unauthorized", "GatedRepo", message));
        }
        let no_repo = || error("404 Not Found", "RepoNotFound", "Repository not found");
        let no_revision = || error("404 Not Found", "RevisionNotFound", "Invalid rev id");
        let no_file = || error("404 Not Found", "EntryNotFound", "Entry not found");
        let redirect =
            |location| Answer("302 Found", format!("Location: {location}\r\n"), Vec::new());
        match fault {
            _ if seen.path == LOOP => return Ok(redirect(LOOP)),
            Some(Fault::Redirect(location)) => return Ok(redirect(location)),
            Some(Fault::Etag(etag)) => {
                let headers = format!("ETag: {etag}\r\nContent-Length: 1\r\n");
                return Ok(Answer("200 OK", headers, Vec::new()));
            }
            _ => {}
        }
        let path = seen.path.trim_start_matches('/');
        if let Some(path) = path.strip_prefix("api/models/") {
            let (id, revision) = path.split_once("/revision/").ok_or_else(no_file)?;
            let repo = self.repos.get(id).ok_or_else(no_repo)?;
            let (commit, files) = repo.at(revision).ok_or_else(no_revision)?;
            let siblings: Vec<_> = (files.keys())
                .map(|name| serde_json::json!({ "rfilename": name }))
                .collect();
            let commit = match fault {
                Some(Fault::Commit(other)) => other,
                _ => commit,
            };
            let info = serde_json::json!({"id": id, "sha": commit, "siblings": siblings});
            return Ok(Answer(
                "200 OK",
                String::new(),
                info.to_string().into_bytes(),
            ));
        }
        let small = path.strip_prefix("api/resolve-cache/models/");
        let (id, rest) = (small.unwrap_or(path))
            .split_once("/resolve/")
            .ok_or_else(no_file)?;
        let (revision, name) = rest.split_once('/').ok_or_else(no_file)?;
        let repo = self.repos.get(id).ok_or_else(no_repo)?;
        let (commit, files) = repo.at(revision).ok_or_else(no_revision)?;
        let bytes = files.get(name).ok_or_else(no_file)?;
        let (hash, size) = (sha256(bytes), bytes.len());
        let commit = format!("X-Repo-Commit: {commit}\r\n");
        Ok(if is_large(name) {
            let headers = format!(
                "{commit}X-Linked-ETag: \"{hash}\"\r\nX-Linked-Size: {size}\r\n\
                 Location: {}/{hash}?signed=yes\r\n",
                self.store
            );
            Answer("302 Found", headers, Vec::new())
        } else if small.is_none() {
            let headers = format!("{commit}Location: /api/resolve-cache/models/{path}\r\n");
            Answer("307 Temporary Redirect", headers, Vec::new())
        } else {
            // As long as git's own hash.
            let etag = &hash[..40];
            let headers = format!("{commit}ETag: \"{etag}\"\r\nContent-Length: {size}\r\n");
            Answer("200 OK", headers, bytes.clone())
        })
    }

    fn answer_as_store(&self, seen: &Seen, fault: Option<Fault>) -> Result<Answer, Answer> {
        let hash = seen.path.trim_start_matches('/').split('?').next();
        let whole = (self.large.get(hash.unwrap_or_default()))
            .ok_or_else(|| Answer("404 Not Found", String::new(), Vec::new()))?;
        let mut body = whole.clone();
        if let Some(Fault::Spoil) = fault {
            *body.last_mut().unwrap() ^= 1;
        }
        let heeds_ranges = !matches!(fault, Some(Fault::IgnoreRange));
        let Some(range) = seen.range.as_deref().filter(|_| heeds_ranges) else {
            return Ok(Answer("200 OK", String::new(), body));
        };
        let first = range
            .strip_prefix("bytes=")
            .and_then(|r| r.strip_suffix('-'));
        let mut first: usize = first.and_then(|r| r.parse().ok()).expect("bytes=N-");
        if let Some(Fault::WrongRange) = fault {
            first -= 1;
        }
        let headers = format!(
            "Content-Range: bytes {first}-{}/{}\r\n",
            body.len() - 1,
            body.len()
        );
        Ok(Answer(
            "206 Partial Content",
            headers,
            body.split_off(first),
        ))
    }
}

impl Fault {
    fn happens_to(self, seen: &Seen) -> bool {
        match self {
            Self::HangUp(method) => !seen.store && seen.method == method,
            Self::Commit(_) => !seen.store && seen.path.starts_with("/api/models/"),
            Self::Etag(_) | Self::Redirect(_) => !seen.store && seen.method == "HEAD",
            _ => seen.store && seen.method == "GET",
        }
    }
}

impl Repo {
    fn at(&self, revision: &str) -> Option<&(String, BTreeMap<String, Vec<u8>>)> {
        match revision {
            "main" => self.commits.last(),
            _ => self.commits.iter().find(|(commit, _)| commit == revision),
        }
    }
}
