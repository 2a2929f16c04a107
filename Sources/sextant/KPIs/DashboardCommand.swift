import ArgumentParser
import Glibc

/// `sextant dashboard`: a Grafana dashboard for all KPIs and funnels.
struct DashboardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dashboard",
        abstract: "Print a Grafana dashboard for all KPIs and funnels of a daemon.",
        discussion: """
            Import the output in Grafana and choose the data source there. Panels have the units of the \
            KPIs: percent, ratio, currency.

            Example:
              sextant dashboard > kpis.json
            """
    )

    @Option(help: ArgumentHelp("What the dashboard is called.", valueName: "title"))
    var title = "KPIs"

    @Option(help: "The address of the daemon.")
    var url = DaemonClient.defaultURL

    func run() async throws {
        let client = try DaemonClient(url: url)
        let text = try await client.analyticsText("GET", "/analytics/dashboard/", [("title", title)])
        StandardStream.write(text, to: STDOUT_FILENO)
    }
}
