//! What the settings may grant: files, and sockets. An argument of several parts has spaces between them.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

use crate::command::failed;

/// Runs a command; `None` if there is none of that name, or a part is missing.
pub(crate) fn run(name: &str, argument: &str) -> Option<String> {
    let result = files(name, argument).or_else(|| sockets(name, argument))?;
    Some(result.unwrap_or_else(failed))
}

type Told = io::Result<String>;

fn files(name: &str, argument: &str) -> Option<Told> {
    Some(match name {
        "file-read" => fs::read_to_string(argument),
        "file-write" => {
            let (path, text) = argument.split_once(' ')?;
            fs::write(path, text).map(|()| "written".to_owned())
        }
        "file-append" => {
            let (path, text) = argument.split_once(' ')?;
            let file = File::options().append(true).open(path);
            file.and_then(|mut file| file.write_all(text.as_bytes()))
                .map(|()| "written".to_owned())
        }
        "file-rename" => {
            let (from, to) = argument.split_once(' ')?;
            fs::rename(from, to).map(|()| "renamed".to_owned())
        }
        "file-remove" => fs::remove_file(argument).map(|()| "removed".to_owned()),
        "directory-make" => fs::create_dir(argument).map(|()| "made".to_owned()),
        "directory-list" => list(argument),
        "files-hold" => {
            let (times, path) = argument.split_once(' ')?;
            held(times.parse().ok()?, || File::open(path))
        }
        "files-keep" => {
            let (times, path) = argument.split_once(' ')?;
            let kept = KEPT.with_borrow_mut(|kept| {
                let mut opened = (0..times.parse().ok()?).map_while(|_: u32| File::open(path).ok());
                kept.extend(&mut opened);
                Some(kept.len())
            });
            Ok(kept?.to_string())
        }
        _ => return None,
    })
}

thread_local! {
    /// Open until the instance ends.
    static KEPT: RefCell<Vec<File>> = const { RefCell::new(Vec::new()) };
}

fn list(path: &str) -> Told {
    let names = fs::read_dir(path)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<_>>>();
    names.map(|mut names| {
        names.sort();
        names.join(",")
    })
}

fn sockets(name: &str, argument: &str) -> Option<Told> {
    Some(match name {
        "tcp-say" => {
            let (address, text) = argument.split_once(' ')?;
            say(address, text)
        }
        "tcp-listen" => TcpListener::bind(argument).map(|_| "listening".to_owned()),
        "tcp-hold" => {
            let (times, address) = argument.split_once(' ')?;
            held(times.parse().ok()?, || TcpStream::connect(address))
        }
        "udp-say" => {
            let (address, text) = argument.split_once(' ')?;
            exchange(address, text)
        }
        "udp-bind" => UdpSocket::bind(argument).map(|_| "bound".to_owned()),
        _ => return None,
    })
}

/// Says something, and hears the answer to its end.
fn say(address: &str, text: &str) -> Told {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(text.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Sends a datagram, and takes one.
fn exchange(address: &str, text: &str) -> Told {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.send_to(text.as_bytes(), address)?;
    let mut answer = [0; 1_024];
    let (length, from) = socket.recv_from(&mut answer)?;
    let answer = answer.get(..length).unwrap_or_default();
    Ok(format!("{} from {from}", String::from_utf8_lossy(answer)))
}

/// Opens so many of them, as far as it gets, and lets go of them.
fn held<T>(times: usize, open: impl FnMut() -> io::Result<T>) -> Told {
    let mut open = open;
    let mut held = Vec::new();
    for _ in 0..times {
        match open() {
            Ok(one) => held.push(one),
            Err(error) => return Ok(format!("{}, then {}", held.len(), failed(error))),
        }
    }
    Ok(held.len().to_string())
}
