//! A hub with a certificate of a company's own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::program::{Home, SHAPES, assert_ends_with, text};
use super::*;

/// Puts TLS before `endpoint`, and returns where.
fn encrypt(endpoint: &str) -> String {
    let certificate = CertificateDer::from_pem_file("tests/data/tls/hub.pem").unwrap();
    let key = PrivateKeyDer::from_pem_file("tests/data/tls/hub.key").unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = (ServerConfig::builder_with_provider(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let plain = endpoint.trim_start_matches("http://").to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who does not trust us hangs up.
            let _ = pass_on(stream, config.clone(), &plain);
        }
    });
    address
}

/// Passes one request on, and its answer back.
fn pass_on(stream: TcpStream, config: Arc<ServerConfig>, plain: &str) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut client = BufReader::new(StreamOwned::new(connection, stream));
    let mut server = TcpStream::connect(plain)?;
    let mut line = String::from("a request");
    while !line.trim_end().is_empty() {
        line.clear();
        client.read_line(&mut line)?;
        server.write_all(line.as_bytes())?;
    }
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let client = client.get_mut();
    client.write_all(&answer)?;
    client.conn.send_close_notify();
    client.flush()
}

#[test]
fn certificates_that_the_machine_trusts_are_trusted() {
    let home = Home::new();
    let endpoint = encrypt(&home.server.endpoint);
    let caption = |trusted: &str| {
        let output = (home.program(&["caption", "--model", SHAPES, "nonesuch.png"]))
            .env("HF_ENDPOINT", &endpoint)
            .env("SSL_CERT_FILE", trusted)
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap();
        assert_ends_with(&output, 3);
        text(&output.stderr).to_owned()
    };
    // One that signed nothing here.
    let message = caption("tests/data/tls/hub.pem");
    assert_names(&message, &[&endpoint, "cannot be reached", "certificate"]);
    assert_eq!(paths(&home.server.seen()), [""; 0]);

    // The store behind this hub has no TLS, and so is not asked.
    let message = caption("tests/data/tls/ca.pem");
    assert_names(&message, &["redirects to", "http://127.0.0.1"]);
    let seen = home.server.seen();
    assert!(seen.len() > 1 && !seen.iter().any(|seen| seen.store));
}
