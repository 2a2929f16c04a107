import Yams

/// Shows a settings file without the secrets in it.
package enum SecretMask {
    /// What stands in the place of a secret, as in Prometheus.
    static let mask = "<secret>"
    /// The keys whose values, and all below them, are secrets; the address of a receiver has its token.
    private static let secretKeys: Set = [
        "bearer_token", "client_secret", "credentials", "key", "password", "proxy_connect_header", "secrets",
        "url",
    ]

    /// What is in `text`, a file that was read without a problem, with a mask for each secret.
    ///
    /// Comments, which may have secrets too, are left out; nothing is shown of what cannot be read.
    package static func masked(_ text: String) -> String {
        do {
            guard let root = try YAMLDocument.compose(text, file: "") else { return "" }
            return try serialize(node: masked(root, isSecret: false), allowUnicode: true)
        } catch {
            return ""
        }
    }

    private static func masked(_ node: Node, isSecret: Bool) -> Node {
        switch node {
        case .mapping(let mapping):
            var pairs: [(Node, Node)] = []
            for (key, value) in mapping {
                let isOne = isSecret || secretKeys.contains(key.string ?? "")
                pairs.append((key, masked(value, isSecret: isOne)))
            }
            return Node(pairs)
        case .sequence(let sequence):
            var nodes: [Node] = []
            for value in sequence { nodes.append(masked(value, isSecret: isSecret)) }
            return Node(nodes)
        case .scalar(let scalar):
            // A proxy's address may have a password.
            let isAddress = scalar.string.contains("://") && scalar.string.contains("@")
            return (isSecret || isAddress) && !scalar.string.isEmpty ? Node(mask) : node
        case .alias: return Node(mask)
        }
    }
}
