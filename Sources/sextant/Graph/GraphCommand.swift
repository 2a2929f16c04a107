import ArgumentParser
import Glibc
import KPI
import Rules
import StrictYAML

/// `sextant graph`: what KPIs are made of and which rules read them.
struct GraphCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph",
        abstract: "Print the graph of sources, metrics, KPIs, funnels, rules and alerts.",
        discussion: """
            It is read from the files; no daemon is needed. Of rules it has those that read KPIs, that \
            record what metrics are made of, and that read what such rules record. What is needed and not \
            defined is dashed. Formats are dot (Graphviz), mermaid and json. The exit code is 1 if a file \
            is wrong.

            Examples:
              sextant graph rules/ | dot -Tsvg > kpis.svg
              sextant graph --format mermaid rules/
            """
    )

    @Argument(
        help: ArgumentHelp(
            "Rule files and KPI files, directories or patterns.",
            valueName: "file|directory|glob"
        )
    )
    var files: [String]

    @Option(help: ArgumentHelp("How it is written: dot, mermaid or json.", valueName: "format"))
    var format = GraphFormat.dot

    func run() throws {
        do throws(YAMLFileError) {
            var paths: [String] = []
            for path in files { paths += try RuleFiles.files(at: path) }
            let graph = DefinitionGraph(try KPIFiles.read(paths), try RuleFiles.load(paths))
            StandardStream.write(Array(graph.text(format).utf8), to: STDOUT_FILENO)
        } catch {
            StandardStream.write(Array("\(error)\n".utf8), to: STDERR_FILENO)
            throw ExitCode(1)
        }
    }
}

extension GraphFormat: ExpressibleByArgument {}
