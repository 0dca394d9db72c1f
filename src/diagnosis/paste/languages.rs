//! What mail programs and operating systems say in other languages than English.
//!
//! Folded wordings, by the sentence that they translate. A server's refusal is known by its code in any
//! language; these are for statements, which have none.

use crate::diagnosis::wording::Says::{Is, Refused};
use crate::diagnosis::wording::{Wording, wordings};
use crate::model::Reason as R;

/// Sentences that name a cause.
pub(super) const CAUSES: &[Wording] = wordings! {
    Is(R::MechanismUnsupported) => {
        "authentifizierungsmethode nicht", "Thunderbird in German: unterstützt die gewählte Authentifizierungsmethode nicht";
        "méthode d'authentification*pas", "Thunderbird in French";
        "pas*la méthode d'authentification", "Thunderbird in French: ne prend pas en charge la méthode d'authentification";
        "no*el método de autenticación", "Thunderbird in Spanish: no admite el método de autenticación";
        "non*il metodo di autenticazione", "Thunderbird in Italian";
    }
    Is(R::TlsCertificateExpired) => {
        "zertifikat*abgelaufen", "German";
        "certificat*expiré", "French";
        "certificado*caducado", "Spanish";
        "certificado*expirado", "Spanish, Portuguese";
        "certificado*expirou", "Portuguese";
        "certificato*scaduto", "Italian";
        "certificaat*verlopen", "Dutch";
        "сертификат*истек", "Russian";
        "证书*过期", "Chinese";
    }
    Is(R::TlsNameMismatch) => {
        "zertifikat*stimmt nicht", "German: der Name stimmt nicht überein";
        "certificat*ne correspond pas", "French";
        "certificado*no coincide", "Spanish";
        "certificato*non corrisponde", "Italian";
    }
    Is(R::TlsCertificateUntrusted) => {
        "zertifikat*nicht vertrauenswürdig", "German";
        "zertifikat*nicht vertraut", "German";
        "selbstsigniert", "German";
        "selbst signiert", "German";
        "certificat*auto-signé", "French";
        "certificat*autosigné", "French";
        "certificat*pas approuvé", "French";
        "certificado*autofirmado", "Spanish";
        "certificado*autoassinado", "Portuguese";
        "certificato*autofirmato", "Italian";
        "zelfondertekend", "Dutch";
        "самоподписан", "Russian";
        "自签名", "Chinese";
    }
    Is(R::DnsFailure) => {
        "fehler bei der namensauflösung", "glibc in German: Temporärer Fehler bei der Namensauflösung";
        "échec temporaire dans la résolution", "glibc in French";
        "fallo temporal en la resolución", "glibc in Spanish";
        "temporaneo nella risoluzione", "glibc in Italian";
    }
    Is(R::DnsNotFound) => {
        "name oder*dienst*nicht bekannt", "glibc in German: Der Name oder der Dienst ist nicht bekannt";
        "nom ou service inconnu", "glibc in French";
        "nombre o servicio desconocido", "glibc in Spanish";
        "nome o servizio sconosciuto", "glibc in Italian";
        "nome ou serviço desconhecido", "glibc in Portuguese";
        "naam of dienst is niet bekend", "glibc in Dutch";
        "неизвестное имя или служба", "glibc in Russian";
        "未知的名称或服务", "glibc in Chinese";
        "nicht aufgelöst werden", "German: Der Servername konnte nicht aufgelöst werden";
        "n'a pas pu être résolu", "French";
        "host ist unbekannt", "Windows 11001 in German: Der angegebene Host ist unbekannt";
        "hôte inconnu", "Windows 11001 in French";
    }
    Is(R::ConnectionRefused) => {
        "verbindung*abgelehnt", "German";
        "verbindung*verweigert", "German";
        "verbindungsaufbau abgelehnt", "glibc in German";
        "connexion refusée", "glibc in French";
        "conexión rechazada", "glibc in Spanish";
        "conexión rehusada", "glibc in Spanish";
        "connessione rifiutata", "glibc in Italian";
        "conexão recusada", "glibc in Portuguese";
        "verbinding is geweigerd", "glibc in Dutch";
        "в соединении отказано", "glibc in Russian";
        "拒绝连接", "glibc in Chinese";
        "连接被拒绝", "Chinese";
        "接続を拒否", "glibc in Japanese";
    }
    Is(R::NetworkUnreachable) => {
        "keine route zum zielrechner", "glibc in German";
        "netzwerk ist nicht erreichbar", "glibc in German";
        "aucun chemin d'accès pour atteindre", "glibc in French";
        "le réseau n'est pas accessible", "glibc in French";
        "no existe ninguna ruta hasta", "glibc in Spanish";
        "la red es inaccesible", "glibc in Spanish";
        "nessun instradamento", "glibc in Italian";
        "rete non raggiungibile", "glibc in Italian";
        "нет маршрута", "glibc in Russian";
    }
    Is(R::TooManyConnections) => {
        "zu viele*verbindungen", "German";
        "trop de connexions", "French";
        "demasiadas conexiones", "Spanish";
        "troppe connessioni", "Italian";
        "te veel verbindingen", "Dutch";
    }
    Is(R::Timeout) => {
        "zeitüberschreitung", "German";
        "zeitlimit*überschritten", "German";
        "délai*dépassé", "French";
        "délai*expiré", "French";
        "tiempo de espera", "Spanish";
        "tempo scaduto", "Italian";
        "connessione scaduta", "Italian";
        "tempo limite", "Portuguese: tempo limite da conexão";
        "verbinding*verlopen", "Dutch: verbinding is verlopen";
        "превышено время ожидания", "Russian";
        "время ожидания*истекло", "Russian";
        "连接超时", "glibc in Chinese";
        "接続がタイムアウト", "glibc in Japanese";
    }
    Is(R::ConnectionClosed) => {
        "verbindung*zurückgesetzt", "glibc in German: Die Verbindung wurde vom Kommunikationspartner zurückgesetzt";
        "connexion ré-initialisée", "glibc in French";
        "connexion réinitialisée", "French";
        "conexión reinicializada", "glibc in Spanish";
        "connessione interrotta", "glibc in Italian";
        "соединение разорвано", "glibc in Russian";
        "连接被重置", "Chinese";
    }
    Is(R::OverQuota) => {
        "postfach*voll", "German";
        "boîte*pleine", "French";
        "buzón*lleno", "Spanish";
        "casella*piena", "Italian";
        "邮箱*已满", "Chinese";
    }
};

/// Sentences that only tell that a login failed.
pub(super) const REFUSALS: &[Wording] = wordings! {
    Refused => {
        "anmeldung*fehlgeschlagen", "German";
        "anmeldung*gescheitert", "German";
        "authentifizierung*fehlgeschlagen", "German";
        "passwort*falsch", "German";
        "kennwort*falsch", "German";
        "passwort*nicht korrekt", "German";
        "benutzername oder*wort", "German: Benutzername oder Passwort, Kennwort";
        "zugangsdaten*falsch", "German";
        "échec de l'authentification", "French";
        "échec de la connexion*utilisateur", "Thunderbird in French";
        "échec d'authentification", "French";
        "authentification*échoué", "French";
        "utilisateur*a échoué", "Thunderbird in French: la connexion au serveur … avec l'utilisateur … a échoué";
        "mot de passe*incorrect", "French";
        "mot de passe*invalide", "French";
        "error de autenticación", "Spanish";
        "fallo de autenticación", "Spanish";
        "autenticación*fall", "Spanish: falló, fallida";
        "contraseña*incorrect", "Spanish";
        "inicio de sesión*fall", "Spanish";
        "autenticazione*fallita", "Italian";
        "autenticazione non riuscita", "Italian";
        "password*errat", "Italian";
        "credenziali*non valide", "Italian";
        "falha na autenticação", "Portuguese";
        "autenticação*falhou", "Portuguese";
        "senha*incorret", "Portuguese";
        "senha*inválid", "Portuguese";
        "verificatie*mislukt", "Dutch";
        "aanmelden*mislukt", "Dutch";
        "inloggen*mislukt", "Dutch";
        "wachtwoord*onjuist", "Dutch";
        "uwierzytelni*nie powiod", "Polish";
        "nieprawidłowe hasło", "Polish";
        "ошибка аутентификации", "Russian";
        "неверный пароль", "Russian";
        "неверный логин", "Russian";
        "认证失败", "Chinese";
        "身份验证失败", "Chinese";
        "密码错误", "Chinese";
        "登录失败", "Chinese";
        "認証に失敗", "Japanese";
        "ログインに失敗", "Japanese";
    }
};
