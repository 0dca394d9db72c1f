//! Sentences of mail programs and operating systems in languages other than English.
//!
//! Folded wordings, grouped by what they mean. They are for the statements of programs: a server's refusal has a
//! code, which is the same in every language.

use crate::diagnosis::text::matches;
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
        "remotezertifikat*ungültig", ".NET in German: Das Remotezertifikat ist laut Validierungsverfahren ungültig";
        "certificat distant*pas valide", ".NET in French";
        "certificado remoto no es válido", ".NET in Spanish";
        "certificato remoto non è valido", ".NET in Italian";
        "certificado remoto é inválido", ".NET in Portuguese";
        "удаленный сертификат недействителен", ".NET in Russian";
        "远程证书无效", ".NET in Chinese";
        "identität des servers*nicht", "Apple Mail in German";
        "vérifier l'identité du serveur", "Apple Mail in French";
        "verificar la identidad del servidor", "Apple Mail in Spanish";
        "verificare l'identità del server", "Apple Mail in Italian";
        "verificar a identidade do servidor", "Apple Mail in Portuguese";
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
        "host desconocido", "Windows 11001 in Spanish";
        "host sconosciuto", "Windows 11001 in Italian";
        "host não é conhecido", "Windows 11001 in Portuguese";
        "хост неизвестен", "Windows 11001 in Russian";
        "host is onbekend", "Windows 11001 in Dutch";
        "nieznany host", "Windows 11001 in Polish";
        "不知道这样的主机", "Windows 11001 in Chinese";
        "そのようなホストは不明", "Windows 11001 in Japanese";
        "resolver el nombre remoto", ".NET in Spanish: No se puede resolver el nombre remoto";
        "risolvere il nome remoto", ".NET in Italian";
        "resolver o nome remoto", ".NET in Portuguese";
        "разрешить удаленное имя", ".NET in Russian";
        "nie można rozpoznać nazwy", ".NET in Polish";
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
        "zielcomputer*verweigert", "Windows 10061 in German";
        "l'a expressément refusée", "Windows 10061 in French";
        "destino denegó", "Windows 10061 in Spanish";
        "rifiuto persistente", "Windows 10061 in Italian";
        "recusou ativamente", "Windows 10061 in Portuguese";
        "recusaram ativamente", "Windows 10061 in Portuguese";
        "recusou-as ativamente", "Windows 10061 in Portuguese";
        "destino as recusou", "Windows 10061 in Portuguese";
        "отверг запрос на подключение", "Windows 10061 in Russian";
        "actief*geweigerd", "Windows 10061 in Dutch";
        "aktywnie*odmawia", "Windows 10061 in Polish";
        "积极拒绝", "Windows 10061 in Chinese";
        "拒否されたため、接続できません", "Windows 10061 in Japanese";
        "połączenie*odrzucone", "glibc in Polish: Połączenie odrzucone";
        "bağlantı reddedildi", "glibc in Turkish";
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
        "nicht erreichbaren host", "Windows 10065 in German";
        "nicht erreichbares netzwerk", "Windows 10051 in German";
        "hôte inaccessible", "Windows 10065 in French";
        "host no accesible", "Windows 10065 in Spanish";
        "host non raggiungibile", "Windows 10065 in Italian";
        "接続できないネットワーク", "Windows 10051 in Japanese";
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
        "agotó el tiempo", "Spanish: se agotó el tiempo de espera";
        "tiempo agotado", "Spanish";
        "gegenstelle*nicht richtig reagiert", "Windows 10060 in German";
        "n'a pas répondu convenablement", "Windows 10060 in French";
        "no respondió adecuadamente", "Windows 10060 in Spanish";
        "risposta non corretta della parte connessa", "Windows 10060 in Italian";
        "não respondeu corretamente", "Windows 10060 in Portuguese";
        "не получен нужный отклик", "Windows 10060 in Russian";
        "niet correct heeft geantwoord", "Windows 10060 in Dutch";
        "nie odpowiedziała poprawnie", "Windows 10060 in Polish";
        "没有正确答复", "Windows 10060 in Chinese";
        "正しく応答しなかった", "Windows 10060 in Japanese";
        "przekroczono*czas", "Polish: przekroczono limit czasu";
        "zaman aşımı", "Turkish";
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
        "vom remotehost geschlossen", "Windows 10054 in German";
        "fermée par l'hôte distant", "Windows 10054 in French";
        "por el host remoto", "Windows 10054 in Spanish: se ha forzado la interrupción de una conexión existente";
        "dall'host remoto", "Windows 10054 in Italian: connessione in corso interrotta forzatamente";
        "pelo host remoto", "Windows 10054 in Portuguese: foi forçado o cancelamento de uma conexão existente";
        "принудительно разорвал", "Windows 10054 in Russian";
        "geforceerd verbroken", "Windows 10054 in Dutch";
        "zamknięte przez zdalnego hosta", "Windows 10054 in Polish";
        "强迫关闭了", "Windows 10054 in Chinese";
        "強制的に切断", "Windows 10054 in Japanese";
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
        "login auf dem server*fehlgeschlagen", "Thunderbird in German";
        "anmelden*fehlgeschlagen", "German";
        "error al iniciar sesión", "Spanish";
        "no se pudo iniciar sesión", "Spanish";
        "erreur d'authentification", "French";
        "échec de connexion", "French: échec de connexion avec le nom d'utilisateur";
        "impossible de se connecter*mot de passe", "French";
        "errore di autenticazione", "Italian";
        "accesso*non riuscito", "Italian";
        "erro de autenticação", "Portuguese";
        "falha ao autenticar", "Portuguese";
        "falha no login", "Portuguese";
        "не удалось войти", "Russian";
        "не удалось аутентифицировать", "Russian";
        "ошибка авторизации", "Russian";
        "kunde inte logga in", "Swedish";
        "fel lösenord", "Swedish";
        "felaktigt användarnamn", "Swedish";
        "kunne ikke logge", "Danish, Norwegian";
        "logowanie*nie powiod", "Polish";
        "błąd uwierzytelni", "Polish";
        "přihlášení*selhalo", "Czech";
        "ověření*selhalo", "Czech";
        "kimlik doğrulama*başarısız", "Turkish";
        "oturum aç*başarısız", "Turkish";
        "登录服务器*失败", "Thunderbird in Chinese";
        "用户名或密码", "Chinese: 用户名或密码错误, 不正确";
        "使用者名稱或密碼", "Chinese in Taiwan";
        "로그인*실패", "Korean";
        "인증*실패", "Korean";
        "パスワードが正しくありません", "Japanese";
        "パスワードが間違", "Japanese";
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

/// Words of success.
const SUCCESSES: &[&str] = &[
    "erfolgreich",   // German
    "avec succès",   // French
    "réussi",        // French: réussi, réussie
    "correctamente", // Spanish
    "con éxito",     // Spanish
    "con successo",  // Italian
    "correttamente", // Italian
    "com sucesso",   // Portuguese
    "succesvol",     // Dutch
    "pomyślnie",     // Polish
    "успешно",       // Russian
    "成功",          // Chinese, Japanese
    "正常に",        // Japanese
];

/// Words that turn a success into its opposite.
const NEGATIONS: &[&str] = &[
    "nicht ",
    "kein",
    "pas ",
    "no se ",
    "no ha",
    "non ",
    "não ",
    "niet ",
    "nie ",
    "не ",
    "不",
    "未",
    "没有",
    "ませんでした",
];

/// Whether a folded statement tells in another language that something worked.
pub(super) fn succeeds(folded: &str) -> bool {
    SUCCESSES.iter().any(|word| matches(folded, word)) && !NEGATIONS.iter().any(|word| folded.contains(word))
}
