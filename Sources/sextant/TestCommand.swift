import ArgumentParser

/// `sextant test`: runs tests of rules and of KPI definitions, without a daemon.
struct TestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Run the tests of rules and of KPI definitions.",
        subcommands: [TestRulesCommand.self, KPITestCommand.self]
    )
}
