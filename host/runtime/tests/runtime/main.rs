//! The runtime without sockets: components go in, and what a connection would see comes out.

mod batch;
mod cache;
mod churn;
mod connections;
mod credentials;
mod faults;
mod guests;
mod harness;
mod http;
mod imports;
mod loading;
mod pins;
mod quotas;
mod serving;
mod stores;
mod wat;
