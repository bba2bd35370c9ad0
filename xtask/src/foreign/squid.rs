//! Debian's Squid, as a proxy that asks who comes.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::tree;
use anyhow::{Context, Result, bail};

/// A proxy that runs until this is dropped.
pub(super) struct Squid {
    child: Child,
    address: SocketAddr,
}

impl Squid {
    /// One that asks by `basic` or `digest`, and lets ada through.
    pub(super) fn start(scheme: &str) -> Result<Self> {
        let program = tree::program("squid").or_else(|| {
            let program = PathBuf::from("/usr/sbin/squid");
            program.is_file().then_some(program)
        });
        let program = program.context("Squid is needed: `apt install squid` on Debian")?;
        let folder = tree::cache(&format!("foreign/squid-{scheme}"))?;
        let users = folder.join("users");
        let (line, helper) = match scheme {
            "basic" => (BASIC, "basic_ncsa_auth"),
            _ => (DIGEST, "digest_file_auth -c"),
        };
        std::fs::write(&users, line).context("writing the users of Squid")?;
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let config = folder.join("squid.conf");
        let text = format!(
            "http_port {address}\n\
             auth_param {scheme} program /usr/lib/squid/{helper} {}\n\
             auth_param {scheme} realm wasket\n\
             acl known proxy_auth REQUIRED\n\
             http_access allow known\n\
             http_access deny all\n\
             access_log none\n\
             cache_log /dev/null\n\
             cache deny all\n\
             pid_filename none\n\
             coredump_dir none\n\
             shutdown_lifetime 1 seconds\n",
            users.display()
        );
        std::fs::write(&config, text).context("writing Squid's configuration")?;
        let child = Command::new(program)
            .arg("-N")
            .arg("-f")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("running Squid")?;
        let mut squid = Self { child, address };
        squid.wait()?;
        Ok(squid)
    }

    /// As a proxy's URL, with who is there: nothing, or `name:password@`.
    pub(super) fn url(&self, who: &str) -> String {
        format!("http://{who}{}", self.address)
    }

    /// Until it listens.
    fn wait(&mut self) -> Result<()> {
        let until = Instant::now() + START_TIME_MAX;
        while Instant::now() < until {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("Squid ended with {status}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("Squid did not listen within {START_TIME_MAX:?}")
    }
}

impl Drop for Squid {
    fn drop(&mut self) {
        // It may have ended by itself, which the client has noticed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `openssl passwd -1 -salt wasket00 pass`
const BASIC: &str = "ada:$1$wasket00$EeHd.zlc5CvUffGDBao/a0\n";

/// The MD5 of `ada:wasket:pass`.
const DIGEST: &str = "ada:wasket:99e6cc4c7c6dcff4e49f48ca46bd008c\n";

const START_TIME_MAX: Duration = Duration::from_secs(20);
