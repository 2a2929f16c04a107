import Model

/// What is done about the past of recording rules.
package struct HistorySettings: Hashable, Sendable {
    /// A past that is wanted of rules.
    package struct Wish: Hashable, Sendable {
        /// The group's name; nil for any.
        package var group: String?
        /// The recorded name; nil for every rule of the group.
        package var rule: String?
        /// How far back, in milliseconds.
        package var pastMillis: Int64

        /// A wish for the rules that `group` and `rule` name.
        package init(group: String?, rule: String?, pastMillis: Int64) {
            self.group = group
            self.rule = rule
            self.pastMillis = pastMillis
        }
    }

    /// How far back slots are evaluated again for late samples, or made up for after the daemon was down, in
    /// milliseconds; 0: never.
    package var repairMillis: Int64 = 3 * 86_400_000
    /// The pasts that are wanted.
    package var wishes: [Wish] = []

    /// The defaults.
    package init() {}

    /// How far back the past of a rule is wanted; nil if it is not.
    func pastMillis(of rule: Rule, in group: RuleGroup) -> Int64? {
        wishes.filter { wish in
            wish.group.map { ByteText($0) == ByteText(group.name) } ?? true
                && wish.rule.map { ByteText($0) == ByteText(rule.name) } ?? true
        }.map(\.pastMillis).max()
    }
}
