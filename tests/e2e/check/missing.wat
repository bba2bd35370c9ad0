(component
  (import "acme:db/sql@1.0.0" (instance))
  (import "wasi:io/poll@0.3.0" (instance))
  (import "wasket:websocket/sessions@0.1.0" (instance
    (export "count" (func (result u64)))
    (export "rename" (func (param "to" string))))))
