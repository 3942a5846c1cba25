enum OpenAPIDescription { static let json = "{}" }
