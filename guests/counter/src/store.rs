//! `wasi:keyvalue`, as this service needs it. Natively, for the tests, a map stands for it.

#[cfg(target_family = "wasm")]
mod bound {
    use generated::wasi::keyvalue0_2_0_draft2::atomics::{self, Cas, CasError, swap};
    use generated::wasi::keyvalue0_2_0_draft2::store::{self, Bucket, Error};

    #[allow(unsafe_code, unused_qualifications, clippy::all, reason = "generated")]
    mod generated {
        wit_bindgen::generate!({
            path: "../../wit",
            inline: "
                package wasket:counter;
                world imports {
                    import wasi:keyvalue/store@0.2.0-draft2;
                    import wasi:keyvalue/atomics@0.2.0-draft2;
                }
            ",
            world: "wasket:counter/imports",
            generate_all,
        });
    }

    pub(crate) fn increment(room: &str) -> Result<i64, String> {
        atomics::increment(&bucket()?, room, 1).map_err(text)
    }

    pub(crate) fn count(room: &str) -> Result<i64, String> {
        number(bucket()?.get(room).map_err(text)?)
    }

    /// Takes the number that is there, and no visitor who comes meanwhile is lost: then it is tried again.
    pub(crate) fn reset(room: &str) -> Result<i64, String> {
        let mut cas = Cas::new(&bucket()?, room).map_err(text)?;
        loop {
            let count = number(cas.current().map_err(text)?)?;
            match swap(cas, b"0") {
                Ok(()) => return Ok(count),
                Err(CasError::CasFailed(again)) => cas = again,
                Err(CasError::StoreError(error)) => return Err(text(error)),
            }
        }
    }

    /// Numbers are decimal text; a room that has none had no visitor.
    fn number(value: Option<Vec<u8>>) -> Result<i64, String> {
        let text = String::from_utf8(value.unwrap_or_else(|| b"0".to_vec()));
        let number = text.ok().and_then(|text| text.parse().ok());
        number.ok_or_else(|| "no number".to_owned())
    }

    fn bucket() -> Result<Bucket, String> {
        store::open("default").map_err(text)
    }

    fn text(error: Error) -> String {
        match error {
            Error::NoSuchStore => "`stores` of the service has no default".to_owned(),
            Error::AccessDenied => "denied".to_owned(),
            Error::Other(why) => why,
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod bound {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    thread_local! {
        static COUNTS: RefCell<BTreeMap<String, i64>> = RefCell::default();
    }

    pub(crate) fn increment(room: &str) -> Result<i64, String> {
        COUNTS.with_borrow_mut(|counts| {
            let count = counts.entry(room.to_owned()).or_default();
            *count += 1;
            Ok(*count)
        })
    }

    pub(crate) fn reset(room: &str) -> Result<i64, String> {
        Ok(COUNTS.with_borrow_mut(|counts| counts.remove(room).unwrap_or_default()))
    }
}

#[cfg(target_family = "wasm")]
pub(crate) use bound::count;
pub(crate) use bound::{increment, reset};
