//! What parameters of SQL Server's drivers are called, and what each is for. Knows no value.

use super::params;

/// Known, and without effect on one session of ours: pools, caches, types, retries, what only one driver has.
const IGNORED: &str = "\
    adapter asyncfetch attachdbfilename autocommit autotranslate bulkcopyforbatchinsert cancelquerytimeout \
    charset columnencryption columnencryptionsetting commandtimeout connectionlifetime connectionlimit \
    connectionreset connectretrycount connectretryinterval currentlanguage delayloadinglobs \
    disablestatementpooling driver enlist failoverpartner ipaddresspreference keepalive keepaliveinterval \
    language lastupdatecount loadbalancetimeout locktimeout log maxpoolsize minpoolsize \
    multipleactiveresultsets multisubnetfailover network networklibrary packetsize persistsecurityinfo \
    poolblockingperiod pooling poolsize pooltimeout prepare protocol provider querytimeout quotedid quotedidentifier \
    replication responsebuffering selectmethod sendstringparametersasunicode sendtimeasdatetime \
    serverpreparedstatementdiscardthreshold serverspn sockettimeout sslprotocol statementpoolingcachesize \
    transactionbinding transparentnetworkipresolution truststorepassword truststoretype \
    trustedconnectionfallback typesystemversion \
    useinternaltransaction usebulkcopyforbatchinsert usefmtonly userinstance workstationid wsid xopenstates";

/// What a parameter is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Server,
    Port,
    Instance,
    Database,
    User,
    Password,
    Encrypt,
    SslMode,
    TrustCertificate,
    RootCert,
    CertificateName,
    ConnectTimeout,
    ApplicationName,
    Intent,
    /// Java's file of authorities.
    TrustStore,
    /// Where the history is.
    History,
    /// Somebody else's accounts: Windows', Entra's.
    ForeignLogin,
    Ignored,
}

pub(super) fn meaning(name: &str) -> Option<Meaning> {
    Some(match plain(name).as_str() {
        "server" | "servername" | "datasource" | "address" | "addr" | "networkaddress" | "host" => {
            Meaning::Server
        }
        "port" | "portnumber" => Meaning::Port,
        "instance" | "instancename" => Meaning::Instance,
        "database" | "databasename" | "initialcatalog" | "dbname" => Meaning::Database,
        "user" | "username" | "userid" | "uid" => Meaning::User,
        "password" | "pwd" => Meaning::Password,
        "encrypt" | "encryption" | "ssl" => Meaning::Encrypt,
        "sslmode" => Meaning::SslMode,
        "trustservercertificate" => Meaning::TrustCertificate,
        "trustservercertificateca" | "servercertificate" | "certificate" | "sslrootcert" => Meaning::RootCert,
        "truststore" => Meaning::TrustStore,
        "hostnameincertificate" => Meaning::CertificateName,
        "connecttimeout" | "connectiontimeout" | "logintimeout" | "dialtimeout" | "timeout" => {
            Meaning::ConnectTimeout
        }
        "applicationname" | "appname" | "app" | "programname" => Meaning::ApplicationName,
        "applicationintent" => Meaning::Intent,
        // Prisma's, and PostgreSQL's words for it
        "schema" | "currentschema" | "searchpath" => Meaning::History,
        "integratedsecurity"
        | "trustedconnection"
        | "authentication"
        | "authenticationscheme"
        | "fedauth" => Meaning::ForeignLogin,
        ignored if IGNORED.split_whitespace().any(|known| known == ignored) => Meaning::Ignored,
        _ => return None,
    })
}

/// A name without what drivers spell differently: `User ID`, `user_id`, `userId` and (in a query) `user+id` are one.
pub(super) fn plain(name: &str) -> String {
    params::plain(name).replace([' ', '+'], "")
}
