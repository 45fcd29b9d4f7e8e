package sts

import (
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/cloud"
)

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{GetCallerIdentity} }

// GetCallerIdentity returns the caller. Everyone may call it.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
var GetCallerIdentity = &cloud.Function[struct{}]{
	Token: "aws:index/getCallerIdentity:getCallerIdentity",
	Needs: permission.Needs{},
	Call: func(c *cloud.Call, _ *struct{}) (cloud.Map, error) {
		account := c.Caller.Scope.Account
		arn, userID, err := Identity(c.Tx, c.Caller)
		return cloud.Map{"id": account, "accountId": account, "arn": arn, "userId": userID}, err
	},
}
