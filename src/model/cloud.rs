//! The clouds that Microsoft 365 runs in, and how Microsoft's own tools are told which one is meant.
//!
//! Sources: Microsoft Learn, "Get-MgEnvironment", "Connect to Exchange Online PowerShell", "az cloud" and "National
//! clouds".

/// What the tools call a cloud.
#[derive(Debug)]
pub struct CloudRow {
    /// The name in sentences for people.
    pub label: &'static str,
    /// `Connect-MgGraph -Environment`.
    pub graph_environment: &'static str,
    /// `Connect-ExchangeOnline -ExchangeEnvironmentName`.
    pub exchange_environment: &'static str,
    /// `az cloud set --name`.
    pub azure: &'static str,
    /// Where apps are registered and granted permissions.
    pub portal: &'static str,
    /// The host of Microsoft Graph.
    pub graph_host: &'static str,
    /// Whether it belongs to the US Government: three failed logins lock an account there.
    pub is_government: bool,
}

table! {
    /// A cloud of Microsoft 365. Its accounts, apps and addresses are apart from those of every other one.
    pub enum Cloud: CloudRow {
        Worldwide => CloudRow {
            label: "worldwide",
            graph_environment: "Global",
            exchange_environment: "O365Default",
            azure: "AzureCloud",
            portal: "https://portal.azure.com",
            graph_host: "graph.microsoft.com",
            is_government: false,
        };
        UsGovGccHigh => CloudRow {
            label: "US Government GCC High",
            graph_environment: "USGov",
            exchange_environment: "O365USGovGCCHigh",
            azure: "AzureUSGovernment",
            portal: "https://portal.azure.us",
            graph_host: "graph.microsoft.us",
            is_government: true,
        };
        UsGovDod => CloudRow {
            label: "US Government DoD",
            graph_environment: "USGovDoD",
            exchange_environment: "O365USGovDoD",
            azure: "AzureUSGovernment",
            portal: "https://portal.azure.us",
            graph_host: "dod-graph.microsoft.us",
            is_government: true,
        };
        China => CloudRow {
            label: "China (21Vianet)",
            graph_environment: "China",
            exchange_environment: "O365China",
            azure: "AzureChinaCloud",
            portal: "https://portal.azure.cn",
            graph_host: "microsoftgraph.chinacloudapi.cn",
            is_government: false,
        };
    }
}

impl Cloud {
    /// The cloud of a host of Microsoft Graph. An unknown host may be a proxy, of which nothing is known.
    pub fn of_graph(host: &str) -> Self {
        let cloud = Self::ALL.iter().copied().find(|cloud| cloud.row().graph_host.eq_ignore_ascii_case(host));
        cloud.unwrap_or(Self::Worldwide)
    }

    /// What selects this cloud in the Azure CLI, before its first command; `None` where nothing has to.
    pub fn azure_login(self) -> Option<String> {
        let name = self.row().azure;
        (self != Self::Worldwide).then(|| format!("az cloud set --name {name}; az login"))
    }

    /// The command that connects PowerShell to Microsoft Graph with these scopes.
    pub fn connect_graph(self, scopes: &str) -> String {
        let environment = self.unless_worldwide(" -Environment ", self.row().graph_environment);
        format!("Connect-MgGraph{environment} -Scopes {scopes}")
    }

    /// The command that connects PowerShell to Exchange Online.
    pub fn connect_exchange(self) -> String {
        let environment =
            self.unless_worldwide(" -ExchangeEnvironmentName ", self.row().exchange_environment);
        format!("Connect-ExchangeOnline{environment}")
    }

    fn unless_worldwide(self, option: &str, name: &str) -> String {
        if self == Self::Worldwide { String::new() } else { format!("{option}{name}") }
    }
}
