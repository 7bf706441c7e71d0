//! The policies that are a part of a role.

use super::{Id, optional};
use crate::aws::connection::Aws;
use crate::aws::error::AwsError;
use crate::aws::patience::{ROLE, insist, is_busy};

/// The names of the inline policies. There is no room for so many that they would come in pages.
pub(super) async fn inline(aws: &Aws, id: &Id) -> Result<Vec<String>, AwsError> {
    let asked = aws.at(&id.region).iam.list_role_policies().role_name(&id.name).send().await;
    let found = optional(asked.map_err(id.fault("iam:ListRolePolicies")))?;
    Ok(found.map(|found| found.policy_names).unwrap_or_default())
}

/// A policy's text; `None` if the role has none of this name.
pub(super) async fn document(aws: &Aws, id: &Id, name: &str) -> Result<Option<String>, AwsError> {
    let get = aws.at(&id.region).iam.get_role_policy().role_name(&id.name).policy_name(name);
    let found = optional(get.send().await.map_err(id.fault("iam:GetRolePolicy")))?;
    Ok(found.map(|found| decoded(found.policy_document())))
}

/// Takes a policy away.
pub(super) async fn remove_inline(aws: &Aws, id: &Id, name: &str) -> Result<(), AwsError> {
    insist(aws.clock(), ROLE, is_busy, || async {
        let delete = aws.at(&id.region).iam.delete_role_policy().role_name(&id.name).policy_name(name);
        optional(delete.send().await.map_err(id.fault("iam:DeleteRolePolicy"))).map(drop)
    })
    .await
}

/// Writes a policy, in the place of one of the same name.
pub(super) async fn put(aws: &Aws, id: &Id, name: &str, document: &str) -> Result<(), AwsError> {
    insist(aws.clock(), ROLE, is_busy, || async {
        let put = aws.at(&id.region).iam.put_role_policy().role_name(&id.name).policy_name(name);
        put.policy_document(document).send().await.map(drop).map_err(id.fault("iam:PutRolePolicy"))
    })
    .await
}

/// IAM writes documents as URLs are written.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| byte == b'%');
        plain.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_as_iam_writes_them() {
        assert_eq!(decoded("%7B%22a%22%3A%22%25%22%7D"), r#"{"a":"%"}"#);
        assert_eq!(decoded(r#"{"a":"100%"}"#), r#"{"a":"100%"}"#);
    }
}
