import Matching
import Model
import PromQL
import Rules

/// What of the rule groups a request wants to see.
struct RuleFilter {
    /// Whether the alerts of alerting rules are left out.
    let excludesAlerts: Bool

    private let kind: RuleStatus.Kind?
    private let names: Set<ByteText>
    private let groupNames: Set<ByteText>
    private let files: Set<ByteText>
    /// A rule counts if all matchers of one selection fit its labels; none: every rule counts.
    private let selections: [[CompiledMatcher]]
    private let groupLimit: Int?
    private let startToken: String

    /// The filter that the parameters of a request ask for.
    init(_ parameters: Parameters, _ limits: Limits) throws(APIError) {
        switch parameters["type"].lowercased() {
        case "": kind = nil
        case "alert": kind = .alerting
        case "record": kind = .recording
        default:
            throw .invalid("type", "not supported value \(LabelText.quoted(parameters["type"]))")
        }
        names = Set(parameters.all("rule_name[]").map(ByteText.init))
        groupNames = Set(parameters.all("rule_group[]").map(ByteText.init))
        files = Set(parameters.all("file[]").map(ByteText.init))
        excludesAlerts = try RuleFilter.flag("exclude_alerts", parameters)
        var selections: [[CompiledMatcher]] = []
        for text in parameters.all("match[]") { selections.append(try RuleFilter.matchers(text, limits)) }
        self.selections = selections
        groupLimit = try RuleFilter.groupLimit(parameters)
        startToken = parameters["group_next_token"]
    }

    /// The groups wanted with the rules wanted, those without any left out, and the token with which the next
    /// request goes on if the limit left groups out.
    func apply(
        to groups: [RuleGroupStatus]
    ) throws(APIError) -> (groups: [RuleGroupStatus], nextToken: String?) {
        var wanted: [RuleGroupStatus] = []
        var isStarted = startToken.isEmpty
        for var group in groups {
            if !isStarted {
                guard RuleFilter.token(of: group) == startToken else { continue }
                isStarted = true
            }
            guard groupNames.isEmpty || groupNames.contains(ByteText(group.name)),
                files.isEmpty || files.contains(ByteText(group.file))
            else { continue }
            group.rules.removeAll { !includes($0) }
            guard !group.rules.isEmpty else { continue }
            if let groupLimit, wanted.count == groupLimit { return (wanted, RuleFilter.token(of: group)) }
            wanted.append(group)
        }
        guard isStarted else {
            throw .invalid(
                "group_next_token",
                "invalid group_next_token '\(startToken)'. were rule groups changed?"
            )
        }
        return (wanted, nil)
    }

    private func includes(_ rule: RuleStatus) -> Bool {
        (kind == nil || rule.kind == kind) && (names.isEmpty || names.contains(ByteText(rule.name)))
            && (selections.isEmpty
                || selections.contains { matchers in matchers.allSatisfy { $0.matches(rule.labels) } })
    }

    // MARK: - Parameters

    private static func flag(_ name: String, _ parameters: Parameters) throws(APIError) -> Bool {
        switch parameters[name] {
        case "", "0", "f", "F", "false", "FALSE", "False": return false
        case "1", "t", "T", "true", "TRUE", "True": return true
        case let text:
            throw .invalid(
                name,
                "error converting \(name): strconv.ParseBool: parsing \(LabelText.quoted(text)): "
                    + "invalid syntax"
            )
        }
    }

    private static func matchers(_ text: String, _ limits: Limits) throws(APIError) -> [CompiledMatcher] {
        guard text.utf8.count <= limits.queryTextBytes else {
            throw .invalid(
                "match[]",
                "\(text.utf8.count) bytes are more than the limit query_text_bytes (\(limits.queryTextBytes))"
            )
        }
        do {
            return try CompiledMatcher.compile(Parser.parseSelector(text, limits: limits))
        } catch {
            throw .badData("\(error)")
        }
    }

    private static func groupLimit(_ parameters: Parameters) throws(APIError) -> Int? {
        let text = parameters["group_limit"]
        guard !text.isEmpty else {
            guard parameters["group_next_token"].isEmpty else {
                throw .invalid(
                    "group_next_token",
                    "group_limit needs to be present in order to paginate over the groups"
                )
            }
            return nil
        }
        guard let limit = Int(text) else {
            throw .invalid(
                "group_limit",
                "group_limit needs to be a valid number: strconv.ParseInt: parsing "
                    + "\(LabelText.quoted(text)): invalid syntax"
            )
        }
        guard limit > 0 else { throw .invalid("group_limit", "group_limit needs to be greater than 0") }
        return limit
    }

    /// What names a group from one request to the next.
    private static func token(of group: RuleGroupStatus) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(group.file);\(group.name)".utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        return String(hash, radix: 16)
    }
}
