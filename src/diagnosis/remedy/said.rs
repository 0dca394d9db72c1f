//! What to do if the server's own sentence names a cause that its reason alone does not name. These
//! rows are read before those of the reason.

use super::{Remedy, remedies};

pub(super) const TABLE: &[Remedy] = remedies! {
    ConditionalAccess; Says("banned sending ip") => "\
Exchange Online refuses the address that we send from, not the account. Ask for its removal at https://sender.office.com/ or send from another address.
Find out first what else sends from it: the list takes up addresses that send spam.";
    ConditionalAccess; Says("blocked using") => "\
The server refuses the address that we come from: it is on the list that the sentence names. Ask that list for its removal, or ask the server's administrator to exempt authenticated clients.
On port 25 this is common; submission (587, 465) should not look at lists.";
    ConditionalAccess; Says("blacklist") => "\
The server refuses the address that we come from: it is on a block list. Ask that list for its removal, or ask the server's administrator to exempt our address.";
    ConditionalAccess; Says("block list") => "\
The server refuses the address that we come from: it is on a block list. Ask that list for its removal, or ask the server's administrator to exempt our address.";
    ConditionalAccess; Says("client host") => "\
The server refuses the address that we come from. Its administrator exempts our address, or gives it a host name that leads back to it (PTR record); submission (587, 465) is less strict than port 25.";
    ConditionalAccess; Says("unsafe login") => "\
The server opens folders only for programs that name themselves by `ID` (RFC 2971), and that the holder of `{user}` has allowed: web mail > Settings > POP3/SMTP/IMAP.
The password must be the provider's authorization code, not the one of the web mail.";

    ProtocolError; Says("helo") => "\
The server refuses the name that we give in EHLO. Set `smtp.ehlo` to the full host name of this machine, one whose address leads back to it.";
    ProtocolError; Says("ehlo") => "\
The server refuses the name that we give in EHLO. Set `smtp.ehlo` to the full host name of this machine, one whose address leads back to it.";
    ProtocolError; Says("fully-qualified hostname") => "\
The server refuses the name that we give in EHLO. Set `smtp.ehlo` to the full host name of this machine, one whose address leads back to it.";

    AccountLocked; Says("outboundspam") => "\
Microsoft holds `{user}` for sending too much, or for sending spam. Change its password first if that was stolen; then Microsoft Defender portal > Email & collaboration > Review > Restricted entities: unblock it.
A trial or new tenant may send little per day; the limit grows with the subscription.";

    ScopeInvalid; Says("invalid_target") => "\
The identity provider at `{idp}` does not know for what the token is asked: `resource` in `parameters` of credential `{credential}`. It must be an absolute URI, written as it is registered there (RFC 8707).";

    SecretUnreadable; Says("azure.workload.identity/use") => "\
The webhook of Azure Workload Identity has not changed this pod. Does it run: `kubectl get mutatingwebhookconfigurations azure-wi-webhook-mutating-webhook-configuration`?
Has the pod the label `azure.workload.identity/use: \"true\"`, and its service account the annotation `azure.workload.identity/client-id`? Both count only for pods created afterwards: `kubectl rollout restart`.";
    SecretUnreadable; Says("azure arc") => "\
Azure Arc's agent shows its keys to the group `himds`. As a systemd service, add `SupplementaryGroups=himds` by `systemctl edit mailbox-exporter`; for another user `sudo usermod -aG himds USER`. Then restart the agent: groups count from its start.
In a container, mount `/var/opt/azcmagent/tokens` read-only and add the number of the group, which `getent group himds` prints.";
    ProtocolError; Says("azure arc") => "\
What answers there is not Azure Arc's agent, or one of a version that is not known. Which program listens: `sudo ss -ltnp 'sport = :40342'`? It should be `himds`.
No file was read but key files of the agent's own folder.";
    AppNotFound; Says("azure arc") => "\
The server has no identity that Azure knows: it was disconnected, or its resource was deleted. `azcmagent show` tells the agent's state, `azcmagent connect` connects it again; it then has a new identity, whose roles `mailbox-exporter setup` assigns.";
    TokenRequestInvalid; Says("azure arc") => "\
Read the sentence: it names what is wrong. A key is good for one request: another program in front of Azure Arc's agent may have used it up.
What the agent says of itself: `azcmagent show`, `sudo azcmagent check`.";
    Timeout; Says("azure arc") => "\
Azure Arc's agent does not answer: `systemctl status himdsd`, `azcmagent show`.
In a container the agent's address, which is loopback, is the container's own: run it with the host's network.";
    ConnectionRefused; Says("azure arc") => "\
Azure Arc's agent does not answer: `systemctl status himdsd`, `azcmagent show`.
In a container the agent's address, which is loopback, is the container's own: run it with the host's network.";
    AppNotFound; Says("managed identity") => "\
The identity is not assigned to this machine or app, or `client_id` of credential `{credential}` is not its client id (it is neither its object id nor its name).
Virtual machine: `az vm identity show --name VM --resource-group GROUP`, then `az vm identity assign --name VM --resource-group GROUP --identities IDENTITY`. App Service: `az webapp identity assign`; Container Apps: `az containerapp identity assign`.
Just assigned: it takes some minutes until it counts.";
    TokenRequestInvalid; Says("managed identity") => "\
Read the sentence: it names what is wrong. With several identities on one machine, `client_id` of credential `{credential}` says which.
Is it really Azure's metadata service? `curl -s -H Metadata:true --noproxy '*' 'http://169.254.169.254/metadata/instance?api-version=2021-02-01'`";
    Timeout; Says("managed identity") => "\
This machine is not in Azure, or something keeps the agent from the metadata service: a network policy, a firewall, or a container without the host's link-local route.
To see: `curl -s -H Metadata:true --noproxy '*' 'http://169.254.169.254/metadata/instance?api-version=2021-02-01'`. Outside Azure use `type: certificate` or `type: federated`.";
    ConnectionRefused; Says("managed identity") => "\
This machine is not in Azure, or something keeps the agent from the metadata service: a network policy, a firewall, or a container without the host's link-local route.
To see: `curl -s -H Metadata:true --noproxy '*' 'http://169.254.169.254/metadata/instance?api-version=2021-02-01'`. Outside Azure use `type: certificate` or `type: federated`.";
    NetworkUnreachable; Says("managed identity") => "\
This machine is not in Azure, or something keeps the agent from the metadata service: a network policy, a firewall, or a container without the host's link-local route.
To see: `curl -s -H Metadata:true --noproxy '*' 'http://169.254.169.254/metadata/instance?api-version=2021-02-01'`. Outside Azure use `type: certificate` or `type: federated`.";

    ServerUnavailable; Says("[referral") => "\
The mailbox is at another server: the sentence names it. Set the provider's `imap.host` to that one, and check that it is the provider's own before any credential goes there.";
};

#[cfg(test)]
mod tests {
    use crate::diagnosis::remedy::{Heard, hint_unconfigured};
    use crate::model::Reason;

    #[test]
    fn the_servers_own_sentence_chooses_the_remedy() {
        for (reason, text, words) in [
            (Reason::ProtocolError, "550 Access denied - Invalid HELO name", "`smtp.ehlo`"),
            (
                Reason::ConditionalAccess,
                "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
                "sender.office.com",
            ),
            (
                Reason::ConditionalAccess,
                "554 5.7.1 Client host [192.0.2.1] blocked using a.list.example",
                "on the list",
            ),
            (Reason::ConditionalAccess, "NO SELECT Unsafe Login", "RFC 2971"),
            (Reason::AccountLocked, "554 5.2.0 OutboundSpamException RefuseQuota", "Restricted entities"),
            (Reason::ServerUnavailable, "a1 NO [REFERRAL imap://mail2.contoso.example/] x", "`imap.host`"),
        ] {
            let hint = hint_unconfigured(reason, &Heard { text, ..Heard::default() });
            assert!(hint.contains(words), "{text}: {hint}");
        }
        let plain = hint_unconfigured(Reason::ProtocolError, &Heard { text: "a1 BAD x", ..Heard::default() });
        assert!(!plain.contains("smtp.ehlo"), "{plain}");
    }
}
