//! Handlers in text, for what no toolchain would do.

use std::path::Path;

use super::*;

/// A handler, what it does when it is made, and for each request: with the numbers of the request and of the place for the
/// answer as parameters. Both may call what of `wasi:http` is imported here.
fn handler(start: &str, core: &str) -> String {
    let functions = FUNCTIONS.map(|(name, local, _, core)| Function { name, local, core });
    let imports: String = FUNCTIONS
        .iter()
        .map(|(name, _, kind, _)| format!("(export \"{name}\" {kind})\n"))
        .collect();
    let lowered: String = functions.iter().map(Function::lowered).collect();
    let given: String = functions.iter().map(Function::given).collect();
    let taken: String = functions.iter().map(Function::taken).collect();
    format!(
        r#"(component
  (import "wasi:http/types@0.2.0" (instance $types
    {TYPES}
    {imports}))
  (alias export $types "incoming-request" (type $incoming-request))
  (alias export $types "response-outparam" (type $response-outparam))
  (core module $memory-module
    (memory (export "memory") 4)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
  (core instance $memory (instantiate $memory-module))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))
  {lowered}
  (core module $main-module
    (import "env" "memory" (memory 1))
    {taken}
    ;; That a result is no error.
    (func $must (param i32) (if (local.get 0) (then (unreachable))))
    (func $must-not (param i32) (call $must (i32.eqz (local.get 0))))
    (func $end (param $body i32)
      (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 0))
      (call $must (i32.load8_u (i32.const 0))))
    ;; Answers with a body, and is left with it.
    (func $answer (param $out i32) (result i32)
      (local $response i32)
      (local.set $response (call $new-response (call $new-fields)))
      (call $response-body (local.get $response) (i32.const 0))
      (call $must (i32.load8_u (i32.const 0)))
      (call $set (local.get $out) (i32.const 0) (local.get $response)
        (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
      (i32.load (i32.const 4)))
    (func $start (local $a i32) {start})
    (start $start)
    (func (export "handle") (param $request i32) (param $out i32)
      (local $a i32) (local $b i32)
      {core}))
  (core instance $env (export "memory" (memory $mem)) {given})
  (core instance $main (instantiate $main-module (with "env" (instance $env))))
  (func $handle (param "request" (own $incoming-request)) (param "response-out" (own $response-outparam))
    (canon lift (core func $main "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))"#
    )
}

struct Function<'a> {
    name: &'a str,
    local: &'a str,
    core: &'a str,
}

impl Function<'_> {
    fn lowered(&self) -> String {
        let Self { name, local, .. } = self;
        format!(
            "(core func ${local} (canon lower (func $types \"{name}\") (memory $mem) (realloc $realloc)))\n"
        )
    }

    fn given(&self) -> String {
        let local = self.local;
        format!("(export \"{local}\" (func ${local}))")
    }

    fn taken(&self) -> String {
        let Self { local, core, .. } = self;
        format!("(import \"env\" \"{local}\" (func ${local} {core}))\n")
    }
}

impl Bench {
    /// One of this handler.
    pub(super) async fn of(core: &str) -> Self {
        Self::starting("", core).await
    }

    pub(super) async fn starting(start: &str, core: &str) -> Self {
        let runtime = runtime();
        let bytes = handler(start, core).into_bytes();
        let loaded = runtime.load_http_bytes(Path::new("test.wat"), bytes).await;
        let component = loaded.unwrap_or_else(|e| panic!("{e}"));
        Self::serving(runtime, &component, Limits::default(), 4)
    }
}

const TYPES: &str = r#"
    (export "fields" (type $fields (sub resource)))
    (export "incoming-request" (type $incoming-request (sub resource)))
    (export "outgoing-request" (type $outgoing-request (sub resource)))
    (export "outgoing-body" (type $outgoing-body (sub resource)))
    (export "outgoing-response" (type $outgoing-response (sub resource)))
    (export "response-outparam" (type $response-outparam (sub resource)))
    (type $m (variant (case "get") (case "head") (case "post") (case "put") (case "delete") (case "connect")
      (case "options") (case "trace") (case "patch") (case "other" string)))
    (export "method" (type $method (eq $m)))
    (type $h (variant (case "invalid-syntax") (case "forbidden") (case "immutable")))
    (export "header-error" (type $header-error (eq $h)))
    (type $dns (record (field "rcode" (option string)) (field "info-code" (option u16))))
    (export "DNS-error-payload" (type $dns-error (eq $dns)))
    (type $tls (record (field "alert-id" (option u8)) (field "alert-message" (option string))))
    (export "TLS-alert-received-payload" (type $tls-error (eq $tls)))
    (type $field (record (field "field-name" (option string)) (field "field-size" (option u32))))
    (export "field-size-payload" (type $field-error (eq $field)))
    (type $code (variant (case "DNS-timeout") (case "DNS-error" $dns-error) (case "destination-not-found")
      (case "destination-unavailable") (case "destination-IP-prohibited") (case "destination-IP-unroutable")
      (case "connection-refused") (case "connection-terminated") (case "connection-timeout")
      (case "connection-read-timeout") (case "connection-write-timeout") (case "connection-limit-reached")
      (case "TLS-protocol-error") (case "TLS-certificate-error") (case "TLS-alert-received" $tls-error)
      (case "HTTP-request-denied") (case "HTTP-request-length-required") (case "HTTP-request-body-size" (option u64))
      (case "HTTP-request-method-invalid") (case "HTTP-request-URI-invalid") (case "HTTP-request-URI-too-long")
      (case "HTTP-request-header-section-size" (option u32)) (case "HTTP-request-header-size" (option $field-error))
      (case "HTTP-request-trailer-section-size" (option u32)) (case "HTTP-request-trailer-size" $field-error)
      (case "HTTP-response-incomplete") (case "HTTP-response-header-section-size" (option u32))
      (case "HTTP-response-header-size" $field-error) (case "HTTP-response-body-size" (option u64))
      (case "HTTP-response-trailer-section-size" (option u32)) (case "HTTP-response-trailer-size" $field-error)
      (case "HTTP-response-transfer-coding" (option string)) (case "HTTP-response-content-coding" (option string))
      (case "HTTP-response-timeout") (case "HTTP-upgrade-failed") (case "HTTP-protocol-error") (case "loop-detected")
      (case "configuration-error") (case "internal-error" (option string))))
    (export "error-code" (type $error-code (eq $code)))"#;

/// Functions by their names, there and here, and their types, there and here. A pair of a result and a handle or an error
/// goes to a place in memory.
const FUNCTIONS: [(&str, &str, &str, &str); 13] = [
    (
        "[constructor]fields",
        "new-fields",
        r#"(func (result (own $fields)))"#,
        "(result i32)",
    ),
    (
        "[static]fields.from-list",
        "fields-of",
        r#"(func (param "entries" (list (tuple string (list u8)))) (result (result (own $fields) (error $header-error))))"#,
        "(param i32 i32 i32)",
    ),
    (
        "[method]fields.set",
        "set-field",
        r#"(func (param "self" (borrow $fields)) (param "name" string) (param "value" (list (list u8)))
          (result (result (error $header-error))))"#,
        "(param i32 i32 i32 i32 i32 i32)",
    ),
    (
        "[method]fields.delete",
        "delete-field",
        r#"(func (param "self" (borrow $fields)) (param "name" string) (result (result (error $header-error))))"#,
        "(param i32 i32 i32 i32)",
    ),
    (
        "[constructor]outgoing-request",
        "new-request",
        r#"(func (param "headers" (own $fields)) (result (own $outgoing-request)))"#,
        "(param i32) (result i32)",
    ),
    (
        "[method]outgoing-request.body",
        "request-body",
        r#"(func (param "self" (borrow $outgoing-request)) (result (result (own $outgoing-body))))"#,
        "(param i32 i32)",
    ),
    (
        "[method]outgoing-request.set-method",
        "set-method",
        r#"(func (param "self" (borrow $outgoing-request)) (param "method" $method) (result (result)))"#,
        "(param i32 i32 i32 i32) (result i32)",
    ),
    (
        "[method]outgoing-request.set-authority",
        "set-authority",
        r#"(func (param "self" (borrow $outgoing-request)) (param "authority" (option string)) (result (result)))"#,
        "(param i32 i32 i32 i32) (result i32)",
    ),
    (
        "[method]outgoing-request.set-path-with-query",
        "set-path",
        r#"(func (param "self" (borrow $outgoing-request)) (param "path-with-query" (option string)) (result (result)))"#,
        "(param i32 i32 i32 i32) (result i32)",
    ),
    (
        "[constructor]outgoing-response",
        "new-response",
        r#"(func (param "headers" (own $fields)) (result (own $outgoing-response)))"#,
        "(param i32) (result i32)",
    ),
    (
        "[method]outgoing-response.body",
        "response-body",
        r#"(func (param "self" (borrow $outgoing-response)) (result (result (own $outgoing-body))))"#,
        "(param i32 i32)",
    ),
    (
        "[static]outgoing-body.finish",
        "finish",
        r#"(func (param "this" (own $outgoing-body)) (param "trailers" (option (own $fields)))
          (result (result (error $error-code))))"#,
        "(param i32 i32 i32 i32)",
    ),
    (
        "[static]response-outparam.set",
        "set",
        r#"(func (param "param" (own $response-outparam))
          (param "response" (result (own $outgoing-response) (error $error-code))))"#,
        "(param i32 i32 i32 i32 i64 i32 i32 i32 i32)",
    ),
];
