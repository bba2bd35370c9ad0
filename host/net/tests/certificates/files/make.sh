#!/bin/sh
# Made these files, with OpenSSL 3. They are for tests and open nothing; they are valid for a hundred years.
set -eu
cd "$(dirname "$0")"
valid="-days 36500"
named="-subj /O=Example/CN=fixture -addext subjectAltName=DNS:fixture.example"
self_signed() { # self_signed KEY CERTIFICATE
  openssl req -x509 -key "$1" -out "$2" $valid $named
}

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec-pkcs8.pem
openssl ec -in ec-pkcs8.pem -out ec-sec1.pem
self_signed ec-pkcs8.pem ec.pem

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa-pkcs8.pem
openssl rsa -in rsa-pkcs8.pem -traditional -out rsa-pkcs1.pem
self_signed rsa-pkcs8.pem rsa.pem

openssl genpkey -algorithm ED25519 -out ed25519-pkcs8.pem
self_signed ed25519-pkcs8.pem ed25519.pem
cat ed25519-pkcs8.pem >> ed25519.pem # both in one file
rm ed25519-pkcs8.pem

openssl pkey -in rsa-pkcs8.pem -aes256 -passout pass:secret -out encrypted-pkcs8.pem
openssl rsa -in rsa-pkcs8.pem -traditional -aes256 -passout pass:secret -out encrypted-pkcs1.pem

# Kinds that TLS has left behind.
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out secp256k1.pem
self_signed secp256k1.pem secp256k1-certificate.pem
cat secp256k1-certificate.pem >> secp256k1.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa-1024.pem
self_signed rsa-1024.pem rsa-1024-certificate.pem
cat rsa-1024-certificate.pem >> rsa-1024.pem
rm secp256k1-certificate.pem rsa-1024-certificate.pem

pfx() { # pfx FILE PASSWORD OPTIONS...
  out=$1 password=$2
  shift 2
  openssl pkcs12 -export -in ec.pem -inkey ec-pkcs8.pem -out "$out" -passout "pass:$password" "$@"
}
pfx modern.pfx "correct horse"
pfx legacy.pfx "correct horse" -legacy
pfx empty-password.pfx ""
pfx package-name.pfx wasket-net # what Cargo says in CARGO_PKG_NAME
openssl pkcs12 -export -nokeys -in ec.pem -out without-key.pfx -passout "pass:correct horse"
