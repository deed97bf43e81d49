//! A browser of the smallest kind: HTTP/1.1 written by hand, so that a test can send what no library would,
//! a cookie jar, redirects followed one by one, forms filled in. Every name is the loopback address.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use url::Url;

use super::html::{self, Form};

/// Most redirects of one navigation.
const HOPS_MAX: usize = 20;
/// Longest wait for the next bytes of an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub url: Url,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.text()))
    }

    /// First header of a name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    /// Where it sends the browser.
    pub fn location(&self) -> Option<Url> {
        self.url.join(self.header("location")?).ok()
    }

    /// A parameter of the address the answer came from or, for a redirect, leads to.
    pub fn param(&self, name: &str) -> Option<String> {
        let url = self.location().unwrap_or_else(|| self.url.clone());
        url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
    }

    pub fn forms(&self) -> Vec<Form> {
        html::forms(&self.text())
    }

    pub fn links(&self) -> Vec<String> {
        html::links(&self.text())
    }

    /// Cookies it sets, as name, value and whole line.
    pub fn cookies(&self) -> Vec<(String, String, String)> {
        self.all("set-cookie")
            .into_iter()
            .filter_map(|line| {
                let (name, value) = line.split(';').next()?.split_once('=')?;
                Some((name.trim().to_owned(), value.trim().to_owned(), line.to_owned()))
            })
            .collect()
    }
}

/// A request as it is written.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub url: Url,
    /// Replaces the path and query of the URL, which a library would have tidied.
    pub target: Option<String>,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Sent by a page of another site: `SameSite=Lax` cookies stay at home.
    pub cross_site: bool,
}

impl Request {
    #[track_caller]
    pub fn new(method: &str, url: &str) -> Self {
        Request {
            method: method.into(),
            url: Url::parse(url).unwrap_or_else(|e| panic!("{url}: {e}")),
            target: None,
            headers: Vec::new(),
            body: Vec::new(),
            cross_site: false,
        }
    }

    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    pub fn form(url: &str, fields: &[(&str, &str)]) -> Self {
        let mut request = Self::new("POST", url).header("Content-Type", "application/x-www-form-urlencoded");
        request.body = encode(fields).into_bytes();
        request
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn target(mut self, target: &str) -> Self {
        self.target = Some(target.into());
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn cross_site(mut self) -> Self {
        self.cross_site = true;
        self
    }
}

/// Fields as `application/x-www-form-urlencoded`.
pub fn encode(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[derive(Debug, Clone)]
struct Cookie {
    host: String,
    name: String,
    value: String,
    path: String,
    secure: bool,
    strictly_ours: bool,
}

/// A browser with cookies of its own.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    cookies: Vec<Cookie>,
    tls: Option<Arc<ClientConfig>>,
    /// Addresses a navigation stops before: those of applications that are not there.
    stops: Vec<String>,
}

/// Where bytes come from.
pub enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.read(buf),
            Wire::Tls(stream) => stream.read(buf),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.write(buf),
            Wire::Tls(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(stream) => stream.flush(),
            Wire::Tls(stream) => stream.flush(),
        }
    }
}

impl Browser {
    pub fn new() -> Self {
        Browser::default()
    }

    /// A browser that trusts what this configuration trusts.
    pub fn with_tls(tls: Arc<ClientConfig>) -> Self {
        Browser { tls: Some(tls), ..Browser::default() }
    }

    /// Stops navigations that lead to addresses with this beginning.
    pub fn stop_at(mut self, prefix: &str) -> Self {
        self.stops.push(prefix.into());
        self
    }

    /// Value of a cookie held for `127.0.0.1`, or any host.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|c| c.name == name).map(|c| c.value.as_str())
    }

    pub fn cookie_names(&self) -> Vec<&str> {
        self.cookies.iter().map(|c| c.name.as_str()).collect()
    }

    /// Plants or replaces a cookie.
    pub fn set_cookie(&mut self, host: &str, name: &str, value: &str) {
        self.keep(Cookie {
            host: host.into(),
            name: name.into(),
            value: value.into(),
            path: "/".into(),
            secure: false,
            strictly_ours: true,
        });
    }

    pub fn forget(&mut self, name: &str) {
        self.cookies.retain(|c| c.name != name);
    }

    fn keep(&mut self, cookie: Cookie) {
        self.cookies.retain(|c| (&c.host, &c.name, &c.path) != (&cookie.host, &cookie.name, &cookie.path));
        self.cookies.push(cookie);
    }

    fn take_cookies(&mut self, answer: &Answer) {
        let host = answer.url.host_str().unwrap_or_default().to_owned();
        for (name, value, line) in answer.cookies() {
            let attributes: Vec<String> =
                line.split(';').skip(1).map(|a| a.trim().to_ascii_lowercase()).collect();
            let path = attributes.iter().find_map(|a| a.strip_prefix("path=")).unwrap_or("/").to_owned();
            let over = attributes.iter().any(|a| {
                a == "max-age=0" || a.strip_prefix("expires=").is_some_and(|date| date.contains("1970"))
            });
            let secure = attributes.iter().any(|a| a == "secure");
            if secure && answer.url.scheme() != "https" {
                continue;
            }
            if over {
                self.cookies.retain(|c| !(c.host == host && c.name == name && c.path == path));
            } else {
                let strictly_ours = !attributes.iter().any(|a| a == "samesite=none");
                self.keep(Cookie { host: host.clone(), name, value, path, secure, strictly_ours });
            }
        }
    }

    fn cookie_header(&self, request: &Request) -> Option<String> {
        let host = request.url.host_str().unwrap_or_default();
        let path = request.url.path();
        let navigates_safely = matches!(request.method.as_str(), "GET" | "HEAD");
        let fits = |c: &&Cookie| {
            c.host == host
                && path.starts_with(c.path.trim_end_matches('/'))
                && (!c.secure || request.url.scheme() == "https")
                && (!request.cross_site || navigates_safely || !c.strictly_ours)
        };
        let pairs: Vec<String> =
            self.cookies.iter().filter(fits).map(|c| format!("{}={}", c.name, c.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn connect(&self, url: &Url) -> io::Result<Wire> {
        let port = url.port_or_known_default().unwrap_or(80);
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        if url.scheme() == "http" {
            return Ok(Wire::Plain(stream));
        }
        let tls = self.tls.clone().ok_or_else(|| io::Error::other("this browser has no TLS"))?;
        let name =
            ServerName::try_from(url.host_str().unwrap_or_default().to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(tls, name).map_err(io::Error::other)?;
        Ok(Wire::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    /// Writes a request and reads the answer up to its body.
    pub fn begin(&mut self, request: &Request) -> io::Result<(Answer, Reader)> {
        let mut wire = self.connect(&request.url)?;
        let mut head = format!("{} {} HTTP/1.1\r\n", request.method, target(request));
        let sets = |name: &str| request.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        if !sets("host") {
            head.push_str(&format!("Host: {}\r\n", authority(&request.url)));
        }
        if let Some(cookies) = self.cookie_header(request).filter(|_| !sets("cookie")) {
            head.push_str(&format!("Cookie: {cookies}\r\n"));
        }
        if !sets("accept") {
            head.push_str("Accept: text/html,*/*;q=0.8\r\n");
        }
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if (!request.body.is_empty() || request.method == "POST")
            && !sets("content-length")
            && !sets("transfer-encoding")
        {
            head.push_str(&format!("Content-Length: {}\r\n", request.body.len()));
        }
        if !sets("connection") {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        wire.write_all(head.as_bytes())?;
        // A server that refuses early closes while we still write; its answer is there all the same.
        let _ = wire.write_all(&request.body);
        wire.flush()?;
        let mut reader = BufReader::new(wire);
        let (status, headers) = loop {
            let (status, headers) = read_head(&mut reader)?;
            if status != 100 {
                break (status, headers);
            }
        };
        let answer = Answer { url: request.url.clone(), status, headers, body: Vec::new() };
        self.take_cookies(&answer);
        let left = if request.method == "HEAD" || matches!(status, 101 | 204 | 304) {
            Left::Bytes(0)
        } else if answer.header("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
            Left::Chunks
        } else if let Some(length) = answer.header("content-length").and_then(|v| v.parse().ok()) {
            Left::Bytes(length)
        } else {
            Left::ToEnd
        };
        Ok((answer, Reader { wire: reader, left }))
    }

    /// One request, one answer.
    pub fn try_send(&mut self, request: &Request) -> io::Result<Answer> {
        let (mut answer, mut reader) = self.begin(request)?;
        while let Some(mut bytes) = reader.next()? {
            answer.body.append(&mut bytes);
        }
        Ok(answer)
    }

    #[track_caller]
    pub fn send(&mut self, request: &Request) -> Answer {
        self.try_send(request).unwrap_or_else(|e| panic!("{} {}: {e}", request.method, request.url))
    }

    #[track_caller]
    pub fn get(&mut self, url: &str) -> Answer {
        self.send(&Request::get(url))
    }

    pub fn try_get(&mut self, url: &str) -> io::Result<Answer> {
        self.try_send(&Request::get(url))
    }

    /// Opens an address as a person does, to where the redirects end. An answer that leads to an address in
    /// `stop_at` is the last.
    #[track_caller]
    pub fn open(&mut self, url: &str) -> Answer {
        let answer = self.get(url);
        self.follow(answer)
    }

    /// Follows the redirects of an answer.
    #[track_caller]
    pub fn follow(&mut self, answer: Answer) -> Answer {
        self.try_follow(answer).unwrap_or_else(|e| panic!("{e}"))
    }

    pub fn try_open(&mut self, url: &str) -> io::Result<Answer> {
        let answer = self.try_get(url)?;
        self.try_follow(answer)
    }

    pub fn try_follow(&mut self, mut answer: Answer) -> io::Result<Answer> {
        for _ in 0..HOPS_MAX {
            let next = match answer.location() {
                Some(next) if matches!(answer.status, 301 | 302 | 303 | 307 | 308) => next,
                _ => return Ok(answer),
            };
            if self.stops.iter().any(|prefix| next.as_str().starts_with(prefix.as_str())) {
                return Ok(answer);
            }
            answer = self.try_get(next.as_str())?;
        }
        Err(io::Error::other(format!("more than {HOPS_MAX} redirects, the last to {}", answer.url)))
    }

    /// Posts the first form of a page, with some fields filled in, and follows.
    #[track_caller]
    pub fn submit(&mut self, page: &Answer, typed: &[(&str, &str)]) -> Answer {
        let answer = self.submit_only(page, typed);
        self.follow(answer)
    }

    /// Posts the first form of a page and does not follow.
    #[track_caller]
    pub fn submit_only(&mut self, page: &Answer, typed: &[(&str, &str)]) -> Answer {
        let forms = page.forms();
        let form = forms.first().unwrap_or_else(|| panic!("no form at {}: {}", page.url, page.text()));
        let mut fields = form.fields.clone();
        for (name, value) in typed {
            fields.retain(|(n, _)| n != name);
            fields.push(((*name).into(), (*value).into()));
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let url = page.url.join(&form.action).expect("a form's address");
        self.send(&Request::form(url.as_str(), &fields))
    }
}

enum Left {
    Bytes(usize),
    Chunks,
    ToEnd,
    Nothing,
}

/// The body of an answer, piece by piece as it arrives.
pub struct Reader {
    wire: BufReader<Wire>,
    left: Left,
}

impl Reader {
    /// The next piece: a chunk, or what has arrived.
    pub fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.left {
            Left::Nothing | Left::Bytes(0) => Ok(None),
            Left::Bytes(left) => {
                let available = self.wire.fill_buf()?;
                if available.is_empty() {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        format!("{left} bytes are missing"),
                    ));
                }
                let piece = available[..available.len().min(left)].to_vec();
                self.wire.consume(piece.len());
                self.left = Left::Bytes(left - piece.len());
                Ok(Some(piece))
            }
            Left::ToEnd => {
                let available = match self.wire.fill_buf() {
                    // A TLS peer that closes without saying so ends the body as well.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                    other => other?,
                };
                let piece = available.to_vec();
                self.wire.consume(piece.len());
                Ok((!piece.is_empty()).then_some(piece))
            }
            Left::Chunks => {
                let mut line = String::new();
                self.wire.read_line(&mut line)?;
                let size = usize::from_str_radix(line.trim().split(';').next().unwrap_or_default(), 16)
                    .map_err(|_| {
                        io::Error::new(io::ErrorKind::UnexpectedEof, format!("chunk size {line:?}"))
                    })?;
                let mut piece = vec![0; size + 2];
                self.wire.read_exact(&mut piece)?;
                piece.truncate(size);
                if size == 0 {
                    self.left = Left::Nothing;
                    return Ok(None);
                }
                Ok(Some(piece))
            }
        }
    }

    /// The connection, for what comes after a 101.
    pub fn into_wire(self) -> BufReader<Wire> {
        self.wire
    }
}

fn read_head(reader: &mut impl BufRead) -> io::Result<(u16, Vec<(String, String)>)> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|s| s.parse().ok());
    let status = status
        .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, format!("no status in {line:?}")))?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok((status, headers))
}

fn target(request: &Request) -> String {
    if let Some(target) = &request.target {
        return target.clone();
    }
    match request.url.query() {
        Some(query) => format!("{}?{query}", request.url.path()),
        None => request.url.path().to_owned(),
    }
}

fn authority(url: &Url) -> String {
    match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    }
}
