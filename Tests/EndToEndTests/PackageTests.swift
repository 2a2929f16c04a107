import Foundation
import Testing

extension EndToEnd {
    @Suite("What is installed")
    struct PackageTests {
        @Test("has one version: that of the source, of the program, of the package and of the changelog")
        func version() async throws {
            let folder = try ScratchFolder("version")
            let program = try await Peers.run(Repository.daemon, ["--version"], in: folder)
            try #require(program.output.hasPrefix("sextant "))
            let version = program.output.dropFirst("sextant ".count).trimmingCharacters(in: .newlines)

            let package = try await Peers.run(
                "\(Repository.root)/scripts/build-deb.sh",
                ["--version"],
                in: folder
            )
            #expect(package.output == "\(version)\n")
            #expect(package.ending == .exited(0))

            // While work goes on the newest section is "Unreleased" and the version is the next one; at a
            // release it is the version.
            let changelog = try String(contentsOfFile: "\(Repository.root)/CHANGELOG.md", encoding: .utf8)
            let headings = changelog.split(separator: "\n").filter { $0.hasPrefix("## ") }.map {
                String($0.dropFirst(3).prefix { $0 != " " })
            }
            if headings.first == "Unreleased" {
                #expect(!headings.contains(version), "\(version) is released: raise the version")
            } else {
                #expect(headings.first == version)
            }
        }

        @Test("is started by the unit with arguments and files that the daemon takes")
        func unit() async throws {
            let folder = try ScratchFolder("unit")
            let unit = try String(
                contentsOfFile: "\(Repository.root)/deploy/systemd/sextant.service",
                encoding: .utf8
            )
            let prefix = "ExecStart=/usr/bin/sextant serve "
            let line = try #require(unit.split(separator: "\n").first { $0.hasPrefix(prefix) })
            let root = Repository.root
            let files = [
                "/etc/sextant/sextant.yaml": "\(root)/deploy/debian/sextant.yaml",
                "/etc/sextant/rules": "\(root)/rules",
                "/etc/sextant/retention.yaml": "\(root)/retention.yaml",
                "$SEXTANT_ARGS": "--log-level=info",
            ]
            let arguments = line.dropFirst(prefix.count).split(separator: " ").map(String.init)
            #expect(files.keys.allSatisfy { arguments.contains($0) }, "\(arguments)")
            // The harness gives --data itself.
            let data = try #require(arguments.firstIndex(of: "--data"))
            #expect(arguments[data + 1] == "/var/lib/sextant")
            let own = (arguments[..<data] + arguments[(data + 2)...]).map { files[$0] ?? $0 }
            try await withDaemon(own, folder: folder) { sextant in
                let rules = try JSON(parsing: await sextant.client.get("/api/v1/rules").body)
                #expect(rules["data"]?["groups"]?.elements.count == 2)
            }
        }

        @Test("is healthy in a container by a check that needs no more than bash")
        func healthCheck() async throws {
            let path = "\(Repository.root)/deploy/docker/Dockerfile"
            let dockerfile = try String(contentsOfFile: path, encoding: .utf8)
            let parts = dockerfile.components(separatedBy: #"CMD ["bash", "-c", ""#)
            try #require(parts.count == 2)
            let quoted = parts[1].components(separatedBy: "\"]")[0].replacingOccurrences(of: "\\\n", with: "")
            guard case .string(let script) = try JSON(parsing: Array("\"\(quoted)\"".utf8)) else {
                throw NotYet("a script")
            }
            let folder = try ScratchFolder("health")
            try await withDaemon(folder: folder) { sextant in
                let own = script.replacingOccurrences(
                    of: "127.0.0.1/9797",
                    with: "127.0.0.1/\(sextant.client.port)"
                )
                let up = try await Peers.run("/bin/bash", ["-c", own], in: folder)
                #expect(up.ending == .exited(0), "\(up.output)")
                sextant.kill()
                let down = try await Peers.run("/bin/bash", ["-c", own], in: folder)
                #expect(down.ending == .exited(1), "\(down.output)")
            }
        }

        @Test(
            "has a Prometheus configuration and alerts that promtool finds right",
            .enabled(if: Peers.areAvailable, "\(Peers.absence)")
        )
        func prometheus() async throws {
            let folder = try ScratchFolder("deploy-prometheus")
            let file = "\(Repository.root)/deploy/prometheus/prometheus.yml"
            let check = try await Peers.promtool(["check", "config", "--lint=all", file], in: folder)
            #expect(check.ending == .exited(0), "\(check.output)")
            #expect(check.output.contains("1 rule files found"))
        }
    }
}
