//! What the desk sends to others by itself: OpenAPI's `webhooks`.

use serde_json::{Value, json};

/// Adds them to the document; what they say is the schema `WebhookEvent`.
pub fn complete(document: &mut Value) {
    let header = |name: &str, description: &str, example: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": {"type": "string"}, "example": example,
        })
    };
    document["webhooks"]["event"]["post"] = json!({
        "operationId": "receive_event",
        "tags": ["Webhooks"],
        "summary": "What your server is sent",
        "description": "A POST to the webhook's URL for each event it asks for, signed by Standard Webhooks 1.0.0. \
            Verify the signature over `id.timestamp.body` before you believe it; the same `webhook-id` may come twice. \
            Answer within 15 seconds, unless the desk is set otherwise; what is not taken is sent again for days.",
        "security": [],
        "parameters": [
            header("webhook-id", "The event's id: the same whenever it is sent again.", "019f3c52-8f6e-7a10-9d3b-2f5c8e1a4b70"),
            header("webhook-timestamp", "When it was sent, Unix seconds.", "1767225600"),
            header("webhook-signature", "`v1,` and HMAC-SHA256 in base64; two of them while a secret is rotated.", "v1,K5oZ…"),
        ],
        "requestBody": {
            "required": true,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/WebhookEvent"}}},
        },
        "responses": {
            "2XX": {"description": "Taken"},
            "410": {"description": "Nobody is there any more: the webhook is switched off"},
        },
    });
}
