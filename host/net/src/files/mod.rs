//! Files of a directory, as a service for plain HTTP.
//!
//! Reading order: `wanted` reads a path; `root` opens it, and nothing that is not beneath the directory; `conditions`
//! decides how much of it a request gets; `stream` sends it; what waits for the `disk` is bounded there.
//!
//! tower-http's `ServeDir` is not used: it opens files by their whole names, and so follows links out of the directory,
//! also one that is put there between a check and its opening. What is opened here is opened beneath, and only what was
//! opened is looked at.
//!
//! Deliberately absent: lists of directories, compression of what is not there compressed, several ranges in one answer,
//! and any cache but the kernel's.

mod conditions;
mod disk;
mod encoding;
mod head;
mod range;
mod root;
mod stream;
mod wanted;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{ALLOW, HeaderValue, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use wasket_session::{Answering, BodyFault, HttpBody, HttpRequest, HttpService};

use crate::answer::{Answer, plain};
use conditions::{Decision, decide};
pub use disk::Reads;
use disk::{Disk, Failures};
use encoding::Coding;
use head::Head;
use root::{Found, Opened, Root};
use stream::Stream;
use wanted::Wanted;

/// What is served of a directory.
#[derive(Clone, Debug)]
pub struct FileSettings {
    /// The directory. It is looked up for each request: a link to it can be set elsewhere.
    pub directory: PathBuf,
    /// How many segments of a path lead to the directory.
    pub mount_segments: usize,
    /// The file that stands for its directory.
    pub index: Option<String>,
    /// What clients may keep.
    pub cache_control: Option<HeaderValue>,
    /// Whether `name.br` and `name.gz` go in the place of `name` where the client takes them.
    pub precompressed: bool,
    /// Whether what begins with a dot is there.
    pub dot_files: bool,
}

/// Serves them.
pub struct Files {
    settings: Arc<FileSettings>,
    reads: Reads,
    failures: Arc<Failures>,
}

impl Files {
    /// Serves the files of one directory, on the threads that all of a host's files share. They need not be there yet.
    #[must_use]
    pub fn new(settings: FileSettings, reads: Reads) -> Self {
        Self {
            failures: Failures::of(settings.directory.clone()),
            settings: Arc::new(settings),
            reads,
        }
    }

    async fn respond(&self, request: HttpRequest) -> Response<HttpBody> {
        let disk = Disk {
            reads: self.reads.clone(),
            service: Arc::clone(&request.service),
            failures: Arc::clone(&self.failures),
        };
        let (parts, body) = request.message.into_parts();
        // Whoever sends one gets what it asks for all the same.
        drop(body);
        if let Some(answer) = other_than_get(&parts.method) {
            return whole(answer);
        }
        let looked = self.reads.run(LOOK_WITHIN, {
            let (settings, disk) = (Arc::clone(&self.settings), disk.clone());
            move || look(&settings, &parts, &disk)
        });
        looked.await.unwrap_or_else(|error| {
            disk.has_failed(&error);
            whole(unavailable())
        })
    }
}

impl HttpService for Files {
    fn body_bytes_max(&self) -> u64 {
        0
    }

    fn answer<'a>(&'a self, request: HttpRequest) -> Answering<'a> {
        Box::pin(self.respond(request))
    }
}

fn other_than_get(method: &Method) -> Option<Answer> {
    let status = match *method {
        Method::GET | Method::HEAD => return None,
        Method::OPTIONS => StatusCode::NO_CONTENT,
        _ => StatusCode::METHOD_NOT_ALLOWED,
    };
    let mut answer = match status {
        StatusCode::NO_CONTENT => empty(status),
        _ => plain(status, "only GET and HEAD"),
    };
    let allow = HeaderValue::from_static("GET, HEAD, OPTIONS");
    answer.headers_mut().insert(ALLOW, allow);
    Some(answer)
}

/// Finds what a request wants, and answers it. On a thread that may wait for the disk.
///
/// # Errors
/// When the system fails, as opposed to when there is no such file.
fn look(settings: &FileSettings, parts: &Parts, disk: &Disk) -> io::Result<Response<HttpBody>> {
    let path = parts.uri.path();
    let Some(wanted) = Wanted::read(path, settings.mount_segments, settings.dot_files) else {
        return Ok(whole(not_found()));
    };
    let root = Root::open(&settings.directory)?;
    let name = match (root.find(&wanted.segments)?, wanted.directory) {
        (Some(Found::File(file)), false) => {
            return serve(settings, parts, &root, &wanted.segments, file, disk);
        }
        (Some(Found::Directory), true) => settings.index.clone(),
        (Some(Found::Directory), false) if settings.index.is_some() => {
            return Ok(whole(behind_a_slash(parts)));
        }
        _ => None,
    };
    let Some(name) = name else {
        return Ok(whole(not_found()));
    };
    let mut index = wanted.segments;
    index.push(name);
    match root.find(&index)? {
        Some(Found::File(file)) => serve(settings, parts, &root, &index, file, disk),
        _ => Ok(whole(not_found())),
    }
}

/// Serves a file that was opened, or what stands compressed beside it.
fn serve(
    settings: &FileSettings,
    parts: &Parts,
    root: &Root,
    segments: &[String],
    file: Opened,
    disk: &Disk,
) -> io::Result<Response<HttpBody>> {
    let mut chosen = (file, None);
    if settings.precompressed {
        for coding in Coding::accepted(&parts.headers) {
            if let Some(Found::File(file)) = root.find(&coding.beside(segments))? {
                chosen = (file, Some(coding));
                break;
            }
        }
    }
    let (file, coding) = chosen;
    let head = Head::of(settings, segments, &file, coding, SystemTime::now());
    let decision = decide(&parts.method, &parts.headers, &head.validators, file.bytes);
    let (status, range) = match decision {
        Decision::Whole => (StatusCode::OK, 0..file.bytes),
        Decision::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Decision::NotModified => return Ok(head.onto(whole(empty(StatusCode::NOT_MODIFIED)))),
        Decision::PreconditionFailed => {
            let text = "the file is not what the request says";
            return Ok(whole(plain(StatusCode::PRECONDITION_FAILED, text)));
        }
        Decision::Unsatisfiable => return Ok(whole(head::unsatisfiable(file.bytes))),
    };
    let bytes = file.bytes;
    let body = if parts.method == Method::HEAD {
        none()
    } else {
        Stream::begin(file.file, range.clone(), disk.clone())?.boxed_unsync()
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let answer = head.onto(answer);
    Ok(head.with_content(answer, range, bytes))
}

/// A directory's own files are named relative to it: a path without the slash would lead beside it.
fn behind_a_slash(parts: &Parts) -> Answer {
    let path = parts.uri.path();
    let query = parts.uri.query();
    let target = match query {
        Some(query) => format!("{path}/?{query}"),
        None => format!("{path}/"),
    };
    let mut answer = plain(StatusCode::MOVED_PERMANENTLY, "this is a directory");
    // A path was read by `Wanted`: it begins with one slash, so that it is no other host's.
    if let Ok(target) = HeaderValue::from_str(&target) {
        answer.headers_mut().insert(LOCATION, target);
    }
    answer
}

fn whole(answer: Answer) -> Response<HttpBody> {
    answer.map(|body| body.map_err(|never| match never {}).boxed_unsync())
}

fn none() -> HttpBody {
    http_body_util::Empty::new()
        .map_err(|never| -> BodyFault { match never {} })
        .boxed_unsync()
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    answer
}

fn not_found() -> Answer {
    plain(StatusCode::NOT_FOUND, "there is no such file")
}

fn unavailable() -> Answer {
    let text = "files cannot be read now; try again later";
    let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, text);
    let retry = HeaderValue::from_static("5");
    answer.headers_mut().insert(RETRY_AFTER, retry);
    answer
}

/// For what a request wants to be found, its first piece read, and for a thread to do that.
const LOOK_WITHIN: Duration = Duration::from_secs(10);
