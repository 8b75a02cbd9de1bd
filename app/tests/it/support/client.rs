//! A small blocking HTTP/1.1 client: it can also say what no decent client would.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use super::DEADLINE;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A caller of the API. It opens a connection for each call, or keeps one.
#[derive(Clone)]
pub struct Api {
    pub address: SocketAddr,
    pub token: String,
}

impl Api {
    pub fn try_call(&self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
        let text = body.map(Value::to_string).unwrap_or_default();
        self.connect()?.request(method, path, &[("connection", "close")], text.as_bytes())
    }
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.try_call(method, path, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }
    /// Expects this status; the answer's JSON, null if it has no body.
    pub fn expect(&self, status: u16, method: &str, path: &str, body: Option<&Value>) -> Value {
        let answer = self.call(method, path, body);
        assert_eq!(answer.status, status, "{method} {path} {body:?}: {}", answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }
    pub fn get(&self, path: &str) -> Value {
        self.expect(200, "GET", path, None)
    }
    pub fn connect(&self) -> io::Result<Connection> {
        Connection::open(self.address, &self.token)
    }

    /// All of a list, oldest first.
    pub fn all(&self, path: &str) -> Vec<Value> {
        let mut connection = self.connect().unwrap();
        let (mut found, mut from) = (Vec::new(), String::new());
        loop {
            let answer = connection.request("GET", &format!("{path}?limit=250{from}"), &[], b"").unwrap();
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let page = answer.json();
            found.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["done"] == true {
                found.reverse();
                return found;
            }
            from = format!("&iterator={}", page["iterator"].as_str().unwrap());
        }
    }

    /// A new application; its id.
    pub fn app(&self) -> String {
        id(&self.expect(201, "POST", "/api/v1/app", Some(&json!({"name": "chaos"}))))
    }
    /// A new endpoint with these fields; its id.
    pub fn endpoint(&self, app: &str, fields: Value) -> String {
        id(&self.expect(201, "POST", &format!("/api/v1/app/{app}/endpoint"), Some(&fields)))
    }
    /// A message with this payload; its id.
    pub fn send(&self, app: &str, payload: Value) -> String {
        let body = json!({"eventType": "a.b", "payload": payload});
        id(&self.expect(202, "POST", &format!("/api/v1/app/{app}/msg"), Some(&body)))
    }
    /// What became of a message at an endpoint.
    pub fn destination(&self, app: &str, message: &str, endpoint: &str) -> Value {
        let list = self.get(&format!("/api/v1/app/{app}/msg/{message}/endpoint?limit=250"));
        let found = list["data"].as_array().unwrap().iter().find(|e| e["id"] == endpoint);
        found.unwrap_or_else(|| panic!("{endpoint} is not in {list}")).clone()
    }
}

pub fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

/// One kept connection.
pub struct Connection {
    pub stream: BufReader<TcpStream>,
    host: String,
    token: String,
}

impl Connection {
    pub fn open(address: SocketAddr, token: &str) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Connection { stream: BufReader::new(stream), host: address.to_string(), token: token.to_owned() })
    }

    /// The head of a request, but for the empty line that ends it.
    pub fn head(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.host);
        head += &format!("authorization: Bearer {}\r\ncontent-type: application/json\r\n", self.token);
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head
    }

    pub fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
        let head = self.head(method, path, headers) + &format!("content-length: {}\r\n\r\n", body.len());
        self.send(&[head.as_bytes(), body].concat())?;
        self.answer()
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    pub fn answer(&mut self) -> io::Result<Answer> {
        let (first, headers) = read_head(&mut self.stream)?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let mut answer = Answer { status, headers, body: Vec::new() };
        if answer.header("transfer-encoding") == Some("chunked") {
            Chunked::new(&mut self.stream).read_to_end(&mut answer.body)?;
            return Ok(answer);
        }
        let length = answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        answer.body.resize(length, 0);
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }
}

/// A body in chunks, without them.
pub struct Chunked<R> {
    stream: R,
    /// Bytes of the chunk that are still to come.
    left: usize,
    ended: bool,
}

impl<R: BufRead> Chunked<R> {
    pub fn new(stream: R) -> Chunked<R> {
        Chunked { stream, left: 0, ended: false }
    }
    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl<R: BufRead> Read for Chunked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            let size = self.line()?;
            self.left = usize::from_str_radix(&size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
            self.ended = self.left == 0;
            if self.ended {
                self.line()?;
            }
        }
        let wanted = into.len().min(self.left);
        let got = self.stream.read(&mut into[..wanted])?;
        self.left -= got;
        if got > 0 && self.left == 0 {
            self.line()?;
        }
        Ok(got)
    }
}

/// First line and headers of a message; `UnexpectedEof` when there is none.
pub fn read_head(stream: &mut impl BufRead) -> io::Result<(String, Vec<(String, String)>)> {
    let mut first = None;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        match (&first, line) {
            (None, _) => first = Some(line.to_owned()),
            (Some(first), "") => return Ok((first.clone(), headers)),
            (Some(_), header) => {
                let (name, value) = header.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
    }
}
