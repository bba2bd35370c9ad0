use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// How a file may be compressed that stands beside the one asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// Those that a client takes, the preferred one first (RFC 9110, section 12.5.3). Of two that it likes as much,
    /// the smaller one.
    pub(super) fn accepted(headers: &HeaderMap) -> Vec<Self> {
        let fields = headers.get_all(ACCEPT_ENCODING).iter();
        let fields: Vec<&str> = fields.filter_map(|field| field.to_str().ok()).collect();
        let elements = || fields.iter().flat_map(|field| field.split(','));
        let weight = |name: &str| elements().find_map(|element| weight_of(element, name));
        let mut accepted: Vec<(u16, Self)> = [Self::Brotli, Self::Gzip]
            .into_iter()
            .filter_map(|coding| {
                let weight = weight(coding.name()).or_else(|| weight("*"))?;
                (weight > 0).then_some((weight, coding))
            })
            .collect();
        // Stable: Brotli stays first.
        accepted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        accepted.into_iter().map(|(_, coding)| coding).collect()
    }

    /// In `Content-Encoding`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What the names of such files end in.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    /// The name of the compressed file beside this one.
    pub(super) fn beside(self, names: &[String]) -> Vec<String> {
        let mut names = names.to_vec();
        if let Some(last) = names.last_mut() {
            last.push_str(self.ending());
        }
        names
    }
}

/// The weight that an element gives this coding, in thousandths; `None` when it is about another one.
fn weight_of(element: &str, name: &str) -> Option<u16> {
    let mut parts = element.split(';').map(str::trim);
    let coding = parts.next()?;
    // What gzip was called once.
    let coding = coding.strip_prefix("x-").unwrap_or(coding);
    if !coding.eq_ignore_ascii_case(name) {
        return None;
    }
    let Some(weight) = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")))
    else {
        return Some(1000);
    };
    // What is no weight is none.
    Some(thousandths(weight).unwrap_or(0))
}

/// RFC 9110, section 12.4.2: 0 to 1, with three digits at most behind the point.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    let part: u16 = format!("{part:0<3}").parse().ok().filter(|_| digits)?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity H1
    #[test]
    fn a_client_gets_what_it_takes() {
        use Coding::{Brotli, Gzip};
        let cases: [(&[&str], &[Coding]); 15] = [
            (&[], &[]),
            (&[""], &[]),
            (&["identity"], &[]),
            (&["gzip, deflate, br, zstd"], &[Brotli, Gzip]),
            (&["gzip"], &[Gzip]),
            (&["GZIP"], &[Gzip]),
            (&["x-gzip"], &[Gzip]),
            (&["gzip;q=0"], &[]),
            (&["gzip;q=1.0, br;q=0.9"], &[Gzip, Brotli]),
            (&["gzip ; q=0.001"], &[Gzip]),
            (&["*"], &[Brotli, Gzip]),
            (&["*, br;q=0"], &[Gzip]),
            (&["*;q=0, gzip"], &[Gzip]),
            (&["br;q=2, gzip;q=x"], &[]),
            (&["deflate", "gzip"], &[Gzip]),
        ];
        for (fields, expected) in cases {
            let fields = fields
                .iter()
                .map(|field| (ACCEPT_ENCODING, field.parse().unwrap()));
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(name, value);
            }
            assert_eq!(Coding::accepted(&headers), expected, "{headers:?}");
        }
        let beside = Gzip.beside(&["a".to_owned(), "b.js".to_owned()]);
        assert_eq!(beside, ["a", "b.js.gz"]);
    }
}
