//! Which certificates are taken.

use std::path::PathBuf;

use super::connect::certified;
use super::*;

#[tokio::test]
async fn a_certificate_is_checked_as_the_url_demands() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
    // made out to db.example.com, by the authority of ca.pem
    let cases = [
        (TlsMode::Require, None, true),
        (TlsMode::VerifyCa, Some("ca.pem"), true),
        (TlsMode::VerifyFull, Some("ca.pem"), false),
        (TlsMode::VerifyFull, None, false),
        (TlsMode::VerifyCa, None, false),
    ];
    for (mode, file, trusted) in cases {
        for name in [None, Some("db.example.com")] {
            let steps =
                vec![Say::Tls, Hear.then(logged_in()), Hear.then(answered(0)), Hear.then(answered(5))];
            let server = Scripted::start(steps).await;
            let mut target = server.target(mode);
            target.tls.root_cert = file.map(|file| folder.join(file));
            let setting = crate::database::url::sqlserver::CERTIFICATE;
            target.settings.extend(name.map(|name| (setting.to_owned(), name.to_owned())));
            let trusted = trusted || (mode == TlsMode::VerifyFull && file.is_some() && name.is_some());
            match connect(&target, Purpose::Work, LIMIT).await {
                Ok(mut session) => {
                    assert!(trusted, "{mode:?} {file:?} {name:?}");
                    let long = format!("UPDATE t SET a = N'{}'", "x".repeat(20_000));
                    let statement = Statement::new(&DIALECT, &[], &long, vec![]);
                    assert_eq!(session.query(&statement).await.expect("an answer").affected, 5);
                    assert!(server.heard()[2].contains(&long));
                }
                Err(error) => {
                    assert_eq!(error.kind, DbErrorKind::Tls, "{error:?}");
                    assert!(!trusted, "{mode:?} {file:?} {name:?}: {error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_star_in_a_certificates_name_is_whoever_is_under_it() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
    for (name, trusted) in [("*.example.com", false), ("*.com", false), ("db.example.com", true)] {
        let steps = vec![Say::Tls, Hear.then(logged_in()), Hear.then(answered(0))];
        let server = Scripted::start(steps).await;
        let mut target = server.target(TlsMode::VerifyFull);
        target.tls.root_cert = Some(folder.join("ca.pem"));
        target.settings.push((crate::database::url::sqlserver::CERTIFICATE.to_owned(), name.to_owned()));
        let answer = connect(&target, Purpose::Work, LIMIT).await;
        // the certificate names one host: another one under the star is not it
        assert_eq!(answer.is_ok(), trusted, "{name}");
        if let Err(error) = answer {
            assert_eq!(error.kind, DbErrorKind::Tls, "{error:?}");
        }
    }
    assert_eq!(certified(None, "db.example.com"), ["db.example.com"]);
    assert_eq!(certified(Some("db"), "10.0.0.1"), ["db"]);
    let azure = Some("*.database.windows.net");
    assert_eq!(certified(azure, "10.0.0.1"), ["any.database.windows.net"]);
    assert_eq!(
        certified(azure, "a1.tr2.eastus1-a.worker.Database.Windows.net"),
        ["a1.tr2.eastus1-a.worker.Database.Windows.net", "any.database.windows.net"]
    );
}

#[tokio::test]
async fn a_file_of_certificates_that_is_not_there_is_named() {
    let server = Scripted::start(vec![Say::Nothing]).await;
    let mut target = server.target(TlsMode::VerifyFull);
    target.tls.root_cert = Some("no/such/ca.pem".into());
    let error = connect(&target, Purpose::Look, LIMIT).await.err().expect("an error");
    assert_eq!(error.kind, DbErrorKind::Certificate);
    assert!(error.message.starts_with("no/such/ca.pem: "), "{error}");
}
