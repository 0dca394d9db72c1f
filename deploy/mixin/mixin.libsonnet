// The shipped rules and boards as a monitoring mixin (monitoring.mixins.dev): a thin layer over the files themselves.
//
//   local mailboxes = import 'mailbox-exporter/deploy/mixin/mixin.libsonnet';
//   mailboxes.prometheusAlerts, mailboxes.grafanaDashboards
//
// Recording and alerting rules stay together in `prometheusAlerts`, since alerts rest on the records of their own group in
// their order. `_config.runbookUrl` is where your copy of this repository can be read.
{
  _config+:: {
    runbookUrl: 'https://mailbox-exporter.example/',
  },

  local rules = std.parseYaml(std.strReplace(
    importstr '../prometheus/alerts.yaml',
    'https://mailbox-exporter.example/',
    $._config.runbookUrl
  )),

  prometheusAlerts+:: {
    groups+: rules.groups,
  },

  grafanaDashboardFolder:: 'Mailboxes',

  grafanaDashboards+:: {
    'agent.json': import '../../dashboards/agent.json',
    'fleet.json': import '../../dashboards/fleet.json',
    'mailbox.json': import '../../dashboards/mailbox.json',
    'readiness.json': import '../../dashboards/readiness.json',
  },
}
